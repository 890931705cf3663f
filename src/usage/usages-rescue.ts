/** Calls whose end nobody told: their server was killed, or whoever made them forgot. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { FinalStreamStatus, StreamValues } from '../streams/stream.ts'
import { whenStreamsEnd } from '../streams/stream-ended.ts'
import { runsAttempt } from '../tasks/task-standing.ts'
import { streamTokens } from './stream-tokens.ts'
import type { FinalUsageStatus } from './usage.ts'
import { type Settlement, usagesSettle } from './usages-settle.ts'

const RESCUE_BATCH = 200
/** A call of no task is over by then, or its server is gone. */
const ALONE_WITHIN_MS = 10 * 60_000

interface Left {
  id: string
  streamId: string | null
  /** The attempt that made the call; null: none did. */
  attempt: number | null
  /** The attempt that has its stream: where it is another one, this call wrote nothing into it. */
  writtenBy: number | null
}

const LEFT = Prisma.sql`"id", "streamId", "attempt", (SELECT "attempt" FROM "Stream" WHERE "Stream"."id" = "streamId") AS "writtenBy"`
const OVER = { status: 'INTERRUPTED', error: 'The attempt that made the call is over.' } as const

const ownStream = ({ streamId, attempt, writtenBy }: Left): string | null => (attempt === writtenBy ? streamId : null)

/** In the transaction that ends streams: the calls that still run for them end too. */
async function usagesEnd(work: Work, ended: readonly StreamValues[]): Promise<void> {
  // Programs elsewhere make no calls.
  const streams = ended.filter(({ producerTaskId }) => producerTaskId !== null)
  if (!streams.length) return
  const left = await work.rows<Left>(Prisma.sql`
    SELECT ${LEFT} FROM "ProviderUsage" WHERE "streamId" IN (${Prisma.join(streams.map(({ id }) => id))}) AND "status" = 'RUNNING'`)
  if (!left.length) return
  const byId = new Map(streams.map((stream) => [stream.id, stream]))
  await settleLeft(work, left, (usage) => {
    const stream = byId.get(ownStream(usage) ?? '')
    return stream ? { status: stream.status as FinalStreamStatus, error: stream.error } : OVER
  })
}

whenStreamsEnd('usage', usagesEnd)

/**
 * The calls of attempts that are over without them: their streams had no chunk yet and wait for the next attempt, or are gone. Any number
 * of servers may do this at once. Answers how many there were.
 */
export async function usagesRescue(work: Work): Promise<number> {
  const left = await work.rows<Left>(Prisma.sql`
    SELECT ${LEFT} FROM "ProviderUsage" WHERE "status" = 'RUNNING' AND NOT (${runsAttempt(Prisma.sql`"ProviderUsage"."taskId"`, Prisma.sql`"ProviderUsage"."attempt"`)})
      AND ("taskId" IS NOT NULL OR "startedAtMs" < ${work.sql.nowMs} - ${Prisma.raw(String(ALONE_WITHIN_MS))})
    ORDER BY "id" LIMIT ${RESCUE_BATCH} ${work.sql.forUpdateSkipLocked}`)
  await settleLeft(work, left, () => OVER)
  return left.length
}

async function settleLeft(work: Work, left: readonly Left[], how: (usage: Left) => { status: FinalUsageStatus; error: string | null }): Promise<void> {
  if (!left.length) return
  const streamIds = [...new Set(left.flatMap((usage) => ownStream(usage) ?? []))]
  const tokens = streamIds.length ? await streamTokens(work, streamIds) : new Map<string, number>()
  await usagesSettle(
    work,
    left.map(
      (usage): Settlement => ({
        ...how(usage),
        usageId: usage.id,
        inputTokens: null,
        cachedInputTokens: null,
        outputTokens: tokens.get(ownStream(usage) ?? '') ?? 0,
        reasoningTokens: null,
        isCounted: true,
        timeToFirstTokenMs: null,
        durationMs: null,
        finishReason: null,
      }),
    ),
  )
}
