/**
 * Whether it matters how much lies in the table: the same calls on a database with a few hundred tasks, as many as its pages and
 * claims need, and on one with a million that have ended and ten thousand that wait; in one process and in turns.
 * `--quick`: a hundred thousand. `--explain`: the plans of whatever takes more than three times as long. `MILLION_ONLY=claim;tasks`: only these.
 */
import { dialects } from '../test/kit/databases.ts'
import { compare } from './kit/compare.ts'
import type { Fill } from './kit/million-fill.ts'
import { MEASURES } from './kit/million-measures.ts'
import { openSide, type TasksSide } from './kit/million-side.ts'
import { plansOf, watchStatements } from './kit/plans.ts'

const quick = process.argv.includes('--quick')
const explain = process.argv.includes('--explain')
const ROWS = Number(process.env.MILLION_ROWS ?? (quick ? 100_000 : 1_000_000))
/** Names or beginnings of them, separated by semicolons. */
const ONLY = process.env.MILLION_ONLY?.split(';')
/** An owner of 1 % of all there is; on the small one everything is the owner's, so that both have full pages. */
const FULL: Omit<Fill, 'ownerId'> = { finished: ROWS, waiting: 10_000, share: 100 }
const EMPTY: Omit<Fill, 'ownerId'> = { finished: 400, waiting: 250, share: 1 }

const measures = MEASURES.filter(({ name }) => !ONLY || ONLY.some((begin) => name.startsWith(begin)))

if (explain) watchStatements()
for (const dialect of dialects()) {
  const sides: TasksSide[] = []
  try {
    sides.push(await openSide(dialect, EMPTY), await openSide(dialect, FULL))
    const [empty, full] = sides as [TasksSide, TasksSide]
    for (const measure of await compare(dialect, measures, [empty, full])) {
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
