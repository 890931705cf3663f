/** Which entries, and in which order. */
import { type FilterFields, moment } from '../core/filter.ts'
import { fromGlobalId, idOf } from '../core/ids.ts'
import type { OrderTerm } from '../core/page.ts'
import { builder } from '../graphql/builder.ts'
import { orderInput } from '../graphql/connection.ts'
import { comparators, DateTimeFilter, filterInput, IdFilter, IntFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { AuditKindEnum } from './audit-entry.graphql.ts'

const ids = (type: string, column: string) => ({ column, write: (value: unknown) => idOf(type, value as string, ['filter', column]) ?? '' })

export const AUDIT_FILTER_FIELDS: FilterFields = {
  id: ids('AuditEntry', 'id'),
  kind: { column: 'kind', required: true },
  operation: { column: 'operation', required: true },
  operationName: { column: 'operationName' },
  userId: ids('User', 'userId'),
  sessionId: ids('Session', 'sessionId'),
  apiKeyId: ids('ApiKey', 'apiKeyId'),
  subjectId: { column: 'subjectId', write: (value) => fromGlobalId(value as string, ['filter', 'subjectId']).id },
  subjectType: { column: 'subjectType' },
  code: { column: 'code' },
  requestId: { column: 'requestId' },
  durationMs: { column: 'durationMs' },
  position: { column: 'position', required: true, write: (value) => BigInt(value as number) },
  occurredAt: moment('occurredAtMs'),
}

const PositionFilter = builder.inputType('AuditPositionFilter', {
  description: 'Conditions on a place in the trail; all that are given must hold.',
  fields: (t) => ({
    gt: t.field({ type: 'SafeInt', description: 'After this place.' }),
    lte: t.field({ type: 'SafeInt', description: 'Up to this place.' }),
  }),
})

export const AuditEntryFilter = filterInput('AuditEntryFilter', 'Which entries of the trail.', {
  id: { type: IdFilter, description: 'The id.' },
  kind: { type: comparators('AuditKind', AuditKindEnum as never, 'kind of call'), description: 'The kind of call.' },
  operation: { type: StringFilter, description: 'What was called.' },
  operationName: { type: StringFilter, description: 'What the client calls the operation.' },
  userId: { type: IdFilter, description: 'Who called.' },
  sessionId: { type: IdFilter, description: 'Through which session.' },
  apiKeyId: { type: IdFilter, description: 'Through which API key.' },
  subjectId: { type: IdFilter, description: 'What it was about.' },
  subjectType: { type: StringFilter, description: 'About things of which type, as `Task`.' },
  code: { type: StringFilter, description: 'Why it was refused, as `FORBIDDEN`; `isNull: true`: it succeeded.' },
  requestId: { type: StringFilter, description: 'The request’s id.' },
  durationMs: { type: IntFilter, description: 'How long it took.' },
  position: { type: PositionFilter, description: 'Its place in the trail.' },
  occurredAt: { type: DateTimeFilter, description: 'When it was committed.' },
})

export const AuditEntryOrder = orderInput('AuditEntry', {
  POSITION: { column: 'position', kind: 'bigint', description: 'Its place in the trail, which is the order of time.' },
})

export const LATEST_FIRST: OrderTerm[] = [{ column: 'position', kind: 'bigint', direction: 'DESC' }]
