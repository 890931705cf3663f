/**
 * A usage is one call of a provider: what it used, and what it cost.
 *
 * RUNNING → COMPLETED, FAILED, CANCELLED, BUDGET_EXCEEDED or INTERRUPTED, which are final. It is written before the call is made and
 * settled once, by whoever ends it: the call itself, the end of its stream, or the sweep after its attempt.
 */
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { PriceSource } from './price-find.ts'

export type FinalUsageStatus = 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'INTERRUPTED' | 'BUDGET_EXCEEDED'
export type UsageStatus = 'RUNNING' | FinalUsageStatus

/** What an event about a usage carries. */
export interface UsageValues {
  id: string
  ownerId: string
  provider: string
  model: string
  status: UsageStatus
  inputTokens: number | null
  cachedInputTokens: number | null
  outputTokens: number | null
  reasoningTokens: number | null
  isCounted: boolean
  costMicroUsd: number | null
  priceSource: PriceSource
  timeToFirstTokenMs: number | null
  durationMs: number | null
  taskId: string | null
  taskType: string | null
  attempt: number | null
  step: number
  streamId: string | null
  conversationId: string | null
  messageId: string | null
  startedAtMs: number
  endedAtMs: number | null
}

const COLUMNS = [
  'id',
  'ownerId',
  'provider',
  'model',
  'status',
  'inputTokens',
  'cachedInputTokens',
  'outputTokens',
  'reasoningTokens',
  'isCounted',
  'costMicroUsd',
  'priceSource',
  'timeToFirstTokenMs',
  'durationMs',
  'taskId',
  'taskType',
  'attempt',
  'step',
  'streamId',
  'conversationId',
  'messageId',
  'startedAtMs',
  'endedAtMs',
] as const satisfies (keyof UsageValues)[]

export const USAGE_VALUES = Prisma.raw(COLUMNS.map((column) => `"ProviderUsage"."${column}"`).join(', '))

const PLACES = { taskId: 'Task', streamId: 'Stream', conversationId: 'Conversation', messageId: 'Message' } as const

/** Ids are told as they are outside. */
export function usageChanged(work: Work, kind: 'STARTED' | 'ENDED', row: UsageValues): void {
  const { id, ownerId, ...values } = row
  const data: Record<string, unknown> = { ...values, isCounted: Boolean(values.isCounted) }
  for (const [column, type] of Object.entries(PLACES)) if (typeof data[column] === 'string') data[column] = toGlobalId(type, data[column])
  work.events.push({ kind: `USAGE_${kind}`, subjectType: 'ProviderUsage', subjectId: id, ownerId, data })
}
