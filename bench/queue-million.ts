/**
 * Whether it matters how much lies in the table: the same calls on a database with a few hundred tasks, as many as its pages and
 * claims need, and on one with a million that have ended and ten thousand that wait; in one process and in turns.
 * `--quick`: a hundred thousand. `--explain`: the plans of whatever takes more than three times as long. `MILLION_ONLY=claim;tasks`: only these.
 */
import type { Dialect } from '../src/db/sql.ts'
import { dialects } from '../test/kit/databases.ts'
import type { Fill } from './kit/million-fill.ts'
import { MEASURES, type Measure } from './kit/million-measures.ts'
import { openSide, type Side } from './kit/million-side.ts'
import { plansOf, watchStatements } from './kit/plans.ts'
import { median, medianRatio, short, table } from './kit/stats.ts'

const quick = process.argv.includes('--quick')
const explain = process.argv.includes('--explain')
const ROWS = Number(process.env.MILLION_ROWS ?? (quick ? 100_000 : 1_000_000))
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9)
/** Names or beginnings of them, separated by semicolons. */
const ONLY = process.env.MILLION_ONLY?.split(';')
const CALLS = 5
const LIMIT = 3
/** An owner of 1 % of all there is; on the small one everything is the owner's, so that both have full pages. */
const FULL: Omit<Fill, 'ownerId'> = { finished: ROWS, waiting: 10_000, share: 100 }
const EMPTY: Omit<Fill, 'ownerId'> = { finished: 400, waiting: 250, share: 1 }

const measures = MEASURES.filter(({ name }) => !ONLY || ONLY.some((begin) => name.startsWith(begin)))

/** One call on each, in turns; the median of each. */
async function timed({ call, undo, calls = CALLS }: Measure, sides: readonly Side[]): Promise<number[]> {
  const times = sides.map(() => [] as number[])
  for (let n = 0; n < calls; n++) {
    for (const [i, side] of sides.entries()) {
      const startedAt = performance.now()
      const answered = await call(side)
      times[i]!.push(performance.now() - startedAt)
      await undo?.(side, answered)
    }
  }
  return times.map(median)
}

async function compare(dialect: Dialect, empty: Side, full: Side): Promise<Measure[]> {
  const rounds = new Map(measures.map((measure) => [measure, { empty: [] as number[], full: [] as number[] }]))
  // The first one is for warming up.
  for (let n = -1; n < ROUNDS; n++) {
    for (const [measure, times] of rounds) {
      const pair = await timed(measure, [empty, full])
      if (n < 0) continue
      times.empty.push(pair[0]!)
      times.full.push(pair[1]!)
    }
  }
  const exceeding = (times: { empty: number[]; full: number[] }) => medianRatio(times.full, times.empty) > LIMIT
  console.log()
  table(
    [...rounds].map(([{ name }, times]) => ({
      [dialect]: name,
      'empty ms': short(median(times.empty)),
      'full ms': short(median(times.full)),
      ratio: `${short(medianRatio(times.full, times.empty))}${exceeding(times) ? ' !' : ''}`,
    })),
  )
  console.log()
  return [...rounds].filter(([, times]) => exceeding(times)).map(([measure]) => measure)
}

if (explain) watchStatements()
for (const dialect of dialects()) {
  const sides: Side[] = []
  try {
    sides.push(await openSide(dialect, EMPTY), await openSide(dialect, FULL))
    const [empty, full] = sides as [Side, Side]
    for (const measure of await compare(dialect, empty, full)) {
      if (!explain) continue
      let answered: unknown
      const plans = await plansOf(dialect, full.url, async () => {
        answered = await measure.call(full)
      })
      await measure.undo?.(full, answered)
      for (const { sql, plan } of plans) console.log(`— ${measure.name}: ${sql}\n${plan}\n`)
    }
  } finally {
    for (const side of sides) await side.close()
  }
}
process.exit()
