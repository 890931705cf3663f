/** The same calls on a database with little in it and on one with much, in one process and in turns. */
import type { Dialect } from '../../src/db/sql.ts'
import { median, medianRatio, short, table } from './stats.ts'

export interface Measure<Side> {
  name: string
  /** Resolves to what has to be undone; that is not timed. */
  call(side: Side): Promise<unknown>
  undo?(side: Side, answered: unknown): Promise<unknown>
  calls?: number
}

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9)
const CALLS = 5
const LIMIT = 3

/** One call on each, in turns; the median of each. */
async function timed<Side>({ call, undo, calls = CALLS }: Measure<Side>, sides: readonly Side[]): Promise<number[]> {
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

/** Prints how they compare, and answers what takes more than three times as long where there is much. */
export async function compare<Side>(dialect: Dialect, measures: readonly Measure<Side>[], [empty, full]: readonly [Side, Side]): Promise<Measure<Side>[]> {
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
