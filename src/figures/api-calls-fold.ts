import { server } from '../core/actor.ts'
import { DAY_MS } from '../core/clock.ts'
import { fromJson } from '../db/statement-values.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Histogram } from '../tasks/histogram.ts'
import { EVERYBODY } from '../tasks/tally.ts'
import { type ApiCalls, callsAdd } from './api-call-sum.ts'
import { HOUR_DAYS } from './bucket.ts'

const AT_ONCE = 1000
/** Days are kept for so many. */
const DAYS_KEPT = 800

export interface ApiCallRow extends Omit<ApiCalls, 'durations'> {
  durationCounts: Histogram | string
}

export const toApiCalls = ({ durationCounts, ...row }: ApiCallRow): ApiCalls => ({ ...row, durations: fromJson<Histogram>(durationCounts) })

/** Adds what was counted to the sums of hours and days, of each caller and of all. */
export async function apiCallsFold(store: Store, counted: readonly ApiCalls[]): Promise<void> {
  const sums = summed(counted)
  await transact(store, server, async (work) => {
    for (let done = 0; done < sums.length; done += AT_ONCE) await add(work, sums.slice(done, done + AT_ONCE))
    await expire(work)
  })
}

const keyOf = ({ ownerId, hours, startMs, apiKeyId, operation }: Omit<ApiCalls, 'durations'>) => `${ownerId} ${hours} ${startMs} ${apiKeyId} ${operation}`

/** In the order of their keys, so that two servers that add to the same sums never wait in a circle. */
function summed(counted: readonly ApiCalls[]): ApiCalls[] {
  const sums = new Map<string, ApiCalls>()
  for (const calls of counted) {
    for (const owner of [{}, { ownerId: EVERYBODY, apiKeyId: '' }]) {
      for (const hours of [1, 24]) {
        const of = { ...calls, ...owner, hours, startMs: hours === 1 ? calls.startMs : calls.startMs - (calls.startMs % DAY_MS) }
        const sum = sums.get(keyOf(of)) ?? { ...of, calls: 0, failed: 0, durations: {} }
        sums.set(keyOf(of), sum)
        callsAdd(sum, calls)
      }
    }
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum)
}

const KEYS = Prisma.raw('"ownerId", "hours", "startMs", "apiKeyId", "operation"')

async function add(work: Work, sums: readonly ApiCalls[]): Promise<void> {
  const text = (value: (sum: ApiCalls) => string) => ({ kind: 'text' as const, values: sums.map(value) })
  const keys = {
    n: { kind: 'integer' as const, values: sums.map((_sum, n) => n) },
    ownerId: text(({ ownerId }) => ownerId),
    hours: { kind: 'integer' as const, values: sums.map(({ hours }) => hours) },
    startMs: { kind: 'bigint' as const, values: sums.map(({ startMs }) => startMs) },
    apiKeyId: text(({ apiKeyId }) => apiKeyId),
    operation: text(({ operation }) => operation),
  }
  // Made first, so that there is a row to be held: histograms are added up here, not by the database.
  await work.execute(Prisma.sql`INSERT INTO "ApiCallSum" (${KEYS}, "calls", "failed", "durationCounts")
    SELECT ${KEYS}, 0, 0, ${work.sql.json({})} FROM ${work.sql.table('given', keys)} WHERE 1 = 1 ORDER BY "n" ON CONFLICT (${KEYS}) DO NOTHING`)
  const known = await work.rows<ApiCallRow>(Prisma.sql`
    SELECT "ApiCallSum".* FROM ${work.sql.table('given', keys)} JOIN "ApiCallSum" USING (${KEYS}) ORDER BY "n" ${work.sql.forUpdateOf('ApiCallSum')}`)
  const byKey = new Map(known.map((row) => [keyOf(row), toApiCalls(row)]))
  for (const sum of sums) callsAdd(byKey.get(keyOf(sum))!, sum)
  const after = sums.map((sum) => byKey.get(keyOf(sum))!)
  const given = work.sql.table('given', {
    ...keys,
    calls: { kind: 'integer', values: after.map(({ calls }) => calls) },
    failed: { kind: 'integer', values: after.map(({ failed }) => failed) },
    durationCounts: { kind: 'text', values: after.map(({ durations }) => JSON.stringify(durations)) },
  })
  await work.execute(Prisma.sql`INSERT INTO "ApiCallSum" (${KEYS}, "calls", "failed", "durationCounts")
    SELECT ${KEYS}, "calls", "failed", ${work.sql.asJson(Prisma.sql`"durationCounts"`)} FROM ${given} WHERE 1 = 1
    ON CONFLICT (${KEYS}) DO UPDATE SET "calls" = excluded."calls", "failed" = excluded."failed", "durationCounts" = excluded."durationCounts"`)
}

async function expire(work: Work): Promise<void> {
  const before = (days: number) => Prisma.sql`${work.sql.nowMs} - CAST(${days * DAY_MS} AS BIGINT)`
  for (const [hours, days] of [
    [1, HOUR_DAYS],
    [24, DAYS_KEPT],
  ] as const)
    await work.execute(Prisma.sql`DELETE FROM "ApiCallSum" WHERE (${KEYS}) IN (
      SELECT ${KEYS} FROM "ApiCallSum" WHERE "hours" = ${Prisma.raw(String(hours))} AND "startMs" < ${before(days)} ORDER BY "startMs" LIMIT ${AT_ONCE})`)
}
