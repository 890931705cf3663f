import { DAY_MS } from '../core/clock.ts'
import { BadUserInput } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { allHourSums, allSums, SUM_SUMS, type SumKey, type Sums } from './usage-sum.ts'

export interface UsageOverTimeAsked {
  unit: 'hour' | 'day'
  fromMs: number
  toMs: number
  groupBy: readonly Exclude<SumKey, 'day'>[]
  /** On rows with the columns of `SUM_KEYS`, but for the day. */
  condition: Prisma.Sql
}

export type UsageAtTime = Sums & Partial<Record<Exclude<SumKey, 'day'>, string>> & { startMs: number }

const MOST_ROWS = 20_000
const MS = { hour: 3_600_000, day: DAY_MS }

/** Calls by the hours or days that they began in. Reads the sums and what is not in them yet, never all calls. */
export async function usageOverTime({ rows }: Pick<Work, 'rows'>, { unit, fromMs, toMs, groupBy, condition }: UsageOverTimeAsked): Promise<UsageAtTime[]> {
  const time = Prisma.raw(`"${unit}"`)
  const where = Prisma.sql`${condition} AND ${time} >= CAST(${fromMs / MS[unit]} AS INTEGER) AND ${time} < CAST(${toMs / MS[unit]} AS INTEGER)`
  const keys = Prisma.raw([unit, ...groupBy].map((key) => `"${key}"`).join(', '))
  const found = await rows<Sums & Record<string, unknown>>(
    Prisma.sql`SELECT ${keys}, ${SUM_SUMS} FROM ${unit === 'hour' ? allHourSums(where) : allSums(where)} GROUP BY ${keys} ORDER BY ${time} LIMIT ${MOST_ROWS + 1}`,
  )
  if (found.length > MOST_ROWS) throw new BadUserInput('This comes to too many figures: ask for less time, larger buckets or fewer groups.', ['groupBy'])
  return found.map(({ [unit]: at, ...sums }) => ({ ...sums, startMs: Number(at) * MS[unit] }) as UsageAtTime)
}
