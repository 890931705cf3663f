import { type BudgetValues, budgetsMatching } from '../budgets/budget.ts'
import { PriceUnknown } from '../budgets/budget-errors.ts'
import { budgetsReserve } from '../budgets/budgets-reserve.ts'
import { newId } from '../core/ids.ts'
import { keptText } from '../core/kept-text.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { NewCall } from './meter.ts'
import { costOf, keptPrice } from './price.ts'
import type { FoundPrice } from './price-find.ts'
import { USAGE_VALUES, type UsageValues, usageChanged } from './usage.ts'

/** What a call holds when it begins; null: no budget holds for it. */
export interface Begun {
  usageId: string
  startedAtMs: number
  reservedMicroUsd: number | null
}

/**
 * Writes a call down, and reserves what it takes to begin in every budget that holds for it: its input, and a first block of output or as
 * much of it as there is room for, at least one token. Nothing of it stays where there is no room.
 */
export async function usageBegin(work: Work, call: NewCall, found: FoundPrice, firstBlock: number): Promise<Begun> {
  const id = newId()
  const { price, source } = found
  const [row] = await work.rows<UsageValues>(Prisma.sql`
    INSERT INTO "ProviderUsage" ("id", "ownerId", "provider", "model", "status", "inputTokens", "priceSource", "price", "taskId", "taskType", "attempt", "step",
      "streamId", "conversationId", "messageId", "day", "startedAtMs", "isCounted", "isSummed")
    SELECT ${id}, ${call.ownerId}, ${keptText(call.provider, 200)}, ${keptText(call.model, 500)}, ${work.sql.asEnum('UsageStatus', 'RUNNING')}, CAST(${call.inputTokens} AS INTEGER),
      ${work.sql.asEnum('PriceSource', source)}, ${price ? work.sql.json(keptPrice(price)) : Prisma.sql`NULL`}, ${call.taskId}, ${call.taskType}, CAST(${call.attempt} AS INTEGER),
      CAST(${call.step} AS INTEGER), ${call.streamId}, ${call.conversationId}, ${call.messageId}, CAST("now"."ms" / 86400000 AS INTEGER), "now"."ms", FALSE, FALSE
    FROM (SELECT ${work.sql.nowMs} AS "ms") AS "now" RETURNING ${USAGE_VALUES}`)
  const { startedAtMs } = row!
  const budgets = (await budgetsMatching(work, [call])).filter(({ enabled }) => enabled)
  const reservedMicroUsd = budgets.length ? await reserve(work, budgets, { call, found, firstBlock, usageId: id, startedAtMs }) : null
  usageChanged(work, 'STARTED', row!)
  return { usageId: id, startedAtMs, reservedMicroUsd }
}

interface Reserving {
  call: NewCall
  found: FoundPrice
  firstBlock: number
  usageId: string
  startedAtMs: number
}

async function reserve(work: Work, budgets: readonly BudgetValues[], { call, found, firstBlock, usageId, startedAtMs }: Reserving): Promise<number> {
  const { price } = found
  if (!price) throw new PriceUnknown(call.provider, call.model)
  const cost = (outputTokens: number) => Number(costOf(price, { inputTokens: call.inputTokens, cachedInputTokens: 0, outputTokens }))
  return budgetsReserve(work, budgets, { usageId, startedAtMs, atLeast: cost(1), atMost: cost(firstBlock) })
}
