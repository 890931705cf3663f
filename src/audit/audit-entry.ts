/** An entry, as it stands in the trail. */
import { Prisma } from '../generated/sqlite/client.ts'

export interface EntryRow {
  id: string
  position: number
  occurredAtMs: number
  kind: string
  operation: string
  operationName: string | null
  userId: string | null
  sessionId: string | null
  apiKeyId: string | null
  subjectType: string | null
  subjectId: string | null
  code: string | null
  durationMs: number | null
  requestId: string | null
  originDigest: string | null
  count: number | null
}

/** All of them, in the order in which they are sealed: it must never change. */
export const ENTRY_COLUMNS = [
  'id',
  'position',
  'occurredAtMs',
  'kind',
  'operation',
  'operationName',
  'userId',
  'sessionId',
  'apiKeyId',
  'subjectType',
  'subjectId',
  'code',
  'durationMs',
  'requestId',
  'originDigest',
  'count',
] as const satisfies (keyof EntryRow)[]

export const ENTRY_VALUES = Prisma.raw(ENTRY_COLUMNS.map((column) => `"AuditEntry"."${column}"`).join(', '))

/** Who removes personal data, by what. */
export const PERSONAL_DATA_REMOVED = 'AUDIT_PERSONAL_DATA_REMOVED'
