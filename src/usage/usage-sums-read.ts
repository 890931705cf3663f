import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { allSums, CALL_SUMS, SUM_COLUMNS, SUM_SUMS, type SumKey, type Sums } from './usage-sum.ts'

export interface SumsAsked {
  groupBy: readonly SumKey[]
  /** On rows with the columns of `SUM_KEYS`. */
  condition: Prisma.Sql
  limit: number
}

export type SumGroup = Sums & Partial<Record<Exclude<SumKey, 'day'>, string>> & { day?: number }

/** By days, oldest first, then the dearest first. Reads the sums and what is not in them yet, never all calls. */
export function usageSumsRead({ rows }: Pick<Work, 'rows'>, { groupBy, condition, limit }: SumsAsked): Promise<SumGroup[]> {
  const keys = Prisma.raw(groupBy.map((key) => `"${key}"`).join(', '))
  const others = groupBy.filter((key) => key !== 'day').map((key) => `"${key}"`)
  const order = Prisma.raw([...(groupBy.includes('day') ? ['"day"'] : []), '"costMicroUsd" DESC', '"calls" DESC', ...others].join(', '))
  return groupBy.length
    ? rows<SumGroup>(Prisma.sql`SELECT ${keys}, ${SUM_SUMS} FROM ${allSums(condition)} GROUP BY ${keys} ORDER BY ${order} LIMIT ${limit}`)
    : rows<SumGroup>(Prisma.sql`SELECT ${SUM_SUMS} FROM ${allSums(condition)}`)
}

/** What the calls of some days cost that fulfil a condition on the columns of `SUM_KEYS`; within a transaction, as it is there. */
export async function costOfDays({ rows }: Pick<Work, 'rows'>, condition: Prisma.Sql, fromDay: number): Promise<number> {
  const [sum] = await rows<Sums>(Prisma.sql`SELECT ${SUM_SUMS} FROM ${allSums(Prisma.sql`${condition} AND "day" >= ${fromDay}`)}`)
  return sum!.costMicroUsd
}

export type Totals = Sums & { running: number }

/** Of calls that belong to something: a task, a stream, a conversation, a message. Those that run are only counted. */
export async function usageTotals({ rows }: Pick<Work, 'rows'>, column: UsageParent, ids: readonly string[]): Promise<Map<string, Totals>> {
  const parent = Prisma.raw(`"${column}"`)
  const runs = Prisma.raw(`CASE WHEN "status" = 'RUNNING' THEN 1 ELSE 0 END`)
  const found = await rows<Sums & { of: string; runs: number }>(Prisma.sql`
    SELECT ${parent} AS "of", ${runs} AS "runs", ${CALL_SUMS} FROM "ProviderUsage" WHERE ${parent} IN (${Prisma.join([...ids])}) GROUP BY ${parent}, ${runs}`)
  const totals = new Map<string, Totals>(ids.map((id) => [id, { ...NOTHING, running: 0 }]))
  for (const { of, runs: isRunning, ...sums } of found) Object.assign(totals.get(of)!, isRunning ? { running: sums.calls } : sums)
  return totals
}

const NOTHING = Object.fromEntries(SUM_COLUMNS.map((column) => [column, 0])) as Sums

export type UsageParent = 'taskId' | 'streamId' | 'conversationId' | 'messageId'
