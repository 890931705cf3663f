/** The rows that say how budgets stand: made on first use, and held in the order of their ids, so that no two calls wait in a circle. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export interface PeriodKey {
  budgetId: string
  periodStartMs: number
}

export interface Standing extends PeriodKey {
  spentMicroUsd: number
  reservedMicroUsd: number
}

export const keyOf = ({ budgetId, periodStartMs }: PeriodKey): string => `${budgetId} ${periodStartMs}`

export const inOrder = <K extends PeriodKey>(keys: readonly K[]): K[] => [...keys].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))

/** The budgets must be there, and stay (`budgetsMatching`). */
export async function budgetsHold(work: Work, keys: readonly PeriodKey[]): Promise<Map<string, Standing>> {
  if (!keys.length) return new Map()
  const given = work.sql.table('given', {
    ofBudget: { kind: 'text', values: inOrder(keys).map(({ budgetId }) => budgetId) },
    startMs: { kind: 'bigint', values: inOrder(keys).map(({ periodStartMs }) => periodStartMs) },
  })
  const hold = () =>
    work.rows<Standing>(Prisma.sql`
      SELECT "budgetId", "periodStartMs", "spentMicroUsd", "reservedMicroUsd" FROM "BudgetSpent" JOIN ${given} ON "budgetId" = "ofBudget" AND "periodStartMs" = "startMs"
      ORDER BY "budgetId", "periodStartMs" ${work.sql.forUpdateOf('BudgetSpent')}`)
  let rows = await hold()
  if (rows.length < keys.length) {
    await work.execute(Prisma.sql`
      INSERT INTO "BudgetSpent" ("budgetId", "periodStartMs", "spentMicroUsd", "reservedMicroUsd", "updatedAtMs")
      SELECT "ofBudget", "startMs", 0, 0, ${work.sql.nowMs} FROM ${given} WHERE 1 = 1 ORDER BY "ofBudget", "startMs" ON CONFLICT ("budgetId", "periodStartMs") DO NOTHING`)
    rows = await hold()
  }
  return new Map(rows.map((row) => [keyOf(row), row]))
}

export interface Step extends PeriodKey {
  spentBy: number
  reservedBy: number
}

/** Moves what is held. `within`: only as far as each budget has room; answers how many moved. */
export function budgetsMove(work: Work, steps: readonly Step[], { within = false } = {}): Promise<number> {
  if (!steps.length) return Promise.resolve(0)
  const given = work.sql.table('step', {
    ofBudget: { kind: 'text', values: steps.map(({ budgetId }) => budgetId) },
    startMs: { kind: 'bigint', values: steps.map(({ periodStartMs }) => periodStartMs) },
    spentBy: { kind: 'bigint', values: steps.map(({ spentBy }) => spentBy) },
    reservedBy: { kind: 'bigint', values: steps.map(({ reservedBy }) => reservedBy) },
  })
  const room = Prisma.sql`AND "spentMicroUsd" + "reservedMicroUsd" + "reservedBy" <= (SELECT "amountMicroUsd" FROM "Budget" WHERE "Budget"."id" = "BudgetSpent"."budgetId")`
  return work.execute(Prisma.sql`
    UPDATE "BudgetSpent" SET "spentMicroUsd" = "spentMicroUsd" + "spentBy", "reservedMicroUsd" = "reservedMicroUsd" + "reservedBy", "updatedAtMs" = ${work.sql.nowMs}
    FROM ${given} WHERE "BudgetSpent"."budgetId" = "ofBudget" AND "BudgetSpent"."periodStartMs" = "startMs" ${within ? room : Prisma.empty}`)
}
