/**
 * Sums and lists of a million calls of providers beside those of a thousand, in one process and in turns; and how long a server takes to
 * add them up in the first place. `--quick`: a hundred thousand. `MILLION_ROWS`, `BENCH_ROUNDS` as elsewhere.
 */
import type { Dialect } from '../src/db/sql.ts'
import { usageFold } from '../src/usage/usage-fold.ts'
import { dialects } from '../test/kit/databases.ts'
import { compare, type Measure } from './kit/compare.ts'
import { AT_ONCE, OTHERS, openTarget, otherId, othersInsert, WORDS } from './kit/million-fill.ts'
import { asked, openFilled, type Side } from './kit/million-side.ts'

const ROWS = Number(process.env.MILLION_ROWS ?? (process.argv.includes('--quick') ? 100_000 : 1_000_000))
const FEW = 1000
const DAYS = 90
const DAY_MS = 86_400_000

/** As many calls on each of ninety days. The owner has a hundredth part, two hundred others the rest; each has two models out of eight and one task type. */
async function fillUsages(dialect: Dialect, url: string, rows: number, ownerId: string): Promise<void> {
  const { numbers, digits, as } = WORDS[dialect]
  const today = Math.floor(Date.now() / DAY_MS)
  const target = await openTarget(dialect, url, 'ProviderUsage')
  const day = `(${today} - ${DAYS - 1} + ("n" % ${DAYS}))`
  const at = as('bigint', `${day}`)
  try {
    await target.run(othersInsert(dialect))
    for (let from = 1; from <= rows; from += AT_ONCE)
      await target.run(`INSERT INTO "ProviderUsage" ("id", "ownerId", "provider", "model", "status", "inputTokens", "cachedInputTokens", "outputTokens", "costMicroUsd", "priceSource",
          "price", "timeToFirstTokenMs", "durationMs", "isCounted", "taskType", "step", "day", "startedAtMs", "endedAtMs", "isSummed")
        SELECT '01900000-0000-7000-8000-' || ${digits('"n"')}, CASE WHEN "n" % 100 = 0 THEN '${ownerId}' ELSE ${otherId(dialect, `"n" % ${OTHERS}`)} END,
          'provider-' || ("n" % 2), 'model-' || ("n" % 4 + "n" / 7 % 2 * 4), ${as('"UsageStatus"', `CASE WHEN "n" % 20 = 7 THEN 'FAILED' ELSE 'COMPLETED' END`)},
          100 + "n" % 900, 0, 10 + "n" % 300, 50 + "n" % 1000, ${as('"PriceSource"', "'OPERATOR'")}, ${as('jsonb', `'{"input":"1000000","output":"2000000"}'`)}, 200, 1000 + "n" % 5000, ${as('boolean', '1 = 0')},
          'type-' || ("n" % 4), 1, ${day}, ${at} * ${DAY_MS} + "n" % ${DAY_MS}, ${at} * ${DAY_MS} + "n" % ${DAY_MS} + 1000, ${as('boolean', '1 = 0')}
        FROM ${numbers(from, Math.min(rows, from + AT_ONCE - 1))} AS "s"`)
    await target.run(dialect === 'sqlite' ? 'ANALYZE' : 'VACUUM ANALYZE')
  } finally {
    await target.close()
  }
}

const open = (dialect: Dialect, rows: number) =>
  openFilled(dialect, {
    options: { env: { TASK_CONCURRENCY: '0', ACCESS_TOKEN_MINUTES: '1440' } },
    fill: (url, ownerId) => fillUsages(dialect, url, rows, ownerId),
    settle: async ({ app: { store } }) => {
      await usageFold(store)
      // As it is where calls have come one by one, and the database has looked at what there is since.
      if (dialect === 'sqlite') await store.database.analyze()
      else await store.database.client.$executeRawUnsafe('VACUUM ANALYZE "ProviderUsage"')
    },
    what: `${rows} calls`,
    settled: 'added up',
  })

const SUMS = '{ calls failedCalls inputTokens outputTokens costMicroUsd durationMs }'
const sums = (name: string, whose: 'owner' | 'admin', args: string): Measure<Side> => ({
  name: `usageSums, ${name}`,
  call: async (side) => {
    const { usageSums } = await asked(side, `{ usageSums(${args}) ${SUMS} }`, side[whose])
    if (!usageSums.length) throw new Error(`There are no sums: ${name}.`)
  },
})
const list = (name: string, whose: 'owner' | 'admin', args: string): Measure<Side> => ({
  name: `providerUsages, ${name}`,
  call: async (side) => {
    const { providerUsages } = await asked(side, `{ providerUsages(${args}) { nodes { id model status costMicroUsd startedAt } } }`, side[whose])
    if (!providerUsages.nodes.length) throw new Error(`There are no calls: ${name}.`)
  },
})
const monthAgo = new Date(Date.now() - 30 * DAY_MS).toISOString()
const MEASURES: Measure<Side>[] = [
  sums('of an owner by day', 'owner', 'groupBy: [DAY]'),
  sums('of an owner by model, a month', 'owner', `groupBy: [MODEL], from: "${monthAgo}"`),
  sums('of an owner, all', 'owner', 'groupBy: []'),
  sums('of all by model, a month', 'admin', `groupBy: [MODEL], from: "${monthAgo}"`),
  sums('of all by user', 'admin', 'groupBy: [USER]'),
  sums('of all by day and model', 'admin', 'groupBy: [DAY, MODEL], first: 1000'),
  list('an owner’s newest ten', 'owner', 'first: 10'),
  list('an owner’s dearest ten', 'owner', 'first: 10, orderBy: [{ field: COST, direction: DESC }]'),
  list('an owner’s of one model', 'owner', 'first: 10, filter: { status: { in: [COMPLETED] }, model: { eq: "model-4" } }'),
  list('all, the newest fifty', 'admin', 'first: 50'),
]

for (const dialect of dialects()) {
  const sides: Side[] = []
  try {
    sides.push(await open(dialect, FEW), await open(dialect, ROWS))
    await compare(dialect, MEASURES, sides as [Side, Side])
  } finally {
    for (const side of sides) await side.close()
  }
}
process.exit()
