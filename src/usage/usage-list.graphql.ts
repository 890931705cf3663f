/** What lists of calls can be filtered and ordered by. */
import { type FilterFields, momentOrNull } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { orderInput } from '../graphql/connection.ts'
import { comparators, DateTimeFilter, filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { UsageStatusEnum } from './usage.graphql.ts'

const ids = (type: string, column: string) => ({ column, write: (value: unknown) => idOf(type, value as string, ['filter', column]) ?? '' })

export const USAGE_FILTER_FIELDS: FilterFields = {
  id: ids('ProviderUsage', 'id'),
  ownerId: { ...ids('User', 'ownerId'), required: true },
  provider: { column: 'provider', required: true },
  model: { column: 'model', required: true },
  status: { column: 'status', required: true },
  taskId: ids('Task', 'taskId'),
  taskType: { column: 'taskType' },
  streamId: ids('Stream', 'streamId'),
  conversationId: ids('Conversation', 'conversationId'),
  messageId: ids('Message', 'messageId'),
  startedAt: { ...momentOrNull('startedAtMs'), required: true },
  endedAt: momentOrNull('endedAtMs'),
}

export const UsageFilter = filterInput('ProviderUsageFilter', 'Which calls.', {
  id: { type: IdFilter, description: 'The id.' },
  ownerId: { type: IdFilter, description: 'The owner’s id (of use to ADMINs).' },
  provider: { type: StringFilter, description: 'The provider’s name.' },
  model: { type: StringFilter, description: 'The model, without the provider’s name.' },
  status: { type: comparators('UsageStatus', UsageStatusEnum as never, 'status of a call'), description: 'How it stands.' },
  taskId: { type: IdFilter, description: 'The task that made it.' },
  taskType: { type: StringFilter, description: 'The type of that task.' },
  streamId: { type: IdFilter, description: 'The stream that its words went into.' },
  conversationId: { type: IdFilter, description: 'The conversation that it belongs to.' },
  messageId: { type: IdFilter, description: 'The message that it wrote.' },
  startedAt: { type: DateTimeFilter, description: 'When it began.' },
  endedAt: { type: DateTimeFilter, description: 'When it ended; `isNull: true`: those that run.' },
})

export const UsageOrder = orderInput('ProviderUsage', {
  STARTED_AT: { column: 'startedAtMs', kind: 'bigint', description: 'When it began.' },
  COST: {
    column: 'costMicroUsd',
    kind: 'bigint',
    description: 'What it cost; calls without a known cost, and those that run, are not in a list of this order.',
  },
})

export const LATEST_FIRST = [{ column: 'startedAtMs', kind: 'bigint', direction: 'DESC' }] as const
