import { budgetsCharge, type EndedCall } from '../budgets/budgets-charge.ts'
import { newId } from '../core/ids.ts'
import { keptText } from '../core/kept-text.ts'
import { fromJson, MAX_INT } from '../db/statement-values.ts'
import type { NewEntry } from '../events/trail.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { costOf, type KeptPrice, toPrice } from './price.ts'
import './usage-figures.ts'
import { type FinalUsageStatus, USAGE_VALUES, type UsageValues, usageChanged } from './usage.ts'

export interface Settlement {
  usageId: string
  status: FinalUsageStatus
  /** Null: as it was counted when the call began. */
  inputTokens: number | null
  cachedInputTokens: number | null
  outputTokens: number
  reasoningTokens: number | null
  /** Whether any of these was counted here. */
  isCounted: boolean
  timeToFirstTokenMs: number | null
  /** Null: from its start to now. */
  durationMs: number | null
  finishReason: string | null
  error: string | null
}

interface Held {
  id: string
  inputTokens: number
  price: unknown
}

/** Ends calls: what each used and cost, what it held given back, what it cost charged. Those that have ended already are passed over. */
export async function usagesSettle(work: Work, settlements: readonly Settlement[]): Promise<void> {
  if (!settlements.length) return
  const held = await work.rows<Held>(Prisma.sql`
    SELECT "id", "inputTokens", "price" FROM "ProviderUsage" WHERE "id" IN (${Prisma.join(settlements.map(({ usageId }) => usageId))}) AND "status" = 'RUNNING'
    ORDER BY "id" ${work.sql.forUpdate}`)
  const ended: EndedCall[] = []
  for (const row of held) {
    const after = await settle(work, row, settlements.find(({ usageId }) => usageId === row.id)!)
    if (!after) continue
    usageChanged(work, 'ENDED', after)
    if (work.trail.isOn) work.entries.push(entryOf(after))
    ended.push({ ...after, usageId: after.id })
  }
  await budgetsCharge(work, ended)
}

async function settle(work: Work, { id, inputTokens: counted, price }: Held, end: Settlement): Promise<UsageValues | undefined> {
  const kept = fromJson<KeptPrice | null>(price)
  const [inputTokens, cachedInputTokens] = [end.inputTokens ?? counted, end.cachedInputTokens ?? 0]
  const cost = kept ? costOf(toPrice(kept), { inputTokens, cachedInputTokens, outputTokens: end.outputTokens }) : null
  const int = (value: number | null) => Prisma.sql`CAST(${value === null ? null : Math.round(value)} AS INTEGER)`
  const [after] = await work.rows<UsageValues>(Prisma.sql`
    UPDATE "ProviderUsage" SET "status" = ${work.sql.asEnum('UsageStatus', end.status)}, "inputTokens" = ${int(inputTokens)}, "cachedInputTokens" = ${int(end.cachedInputTokens)},
      "outputTokens" = ${int(end.outputTokens)}, "reasoningTokens" = ${int(end.reasoningTokens)}, "isCounted" = ${end.isCounted}, "costMicroUsd" = CAST(${cost} AS BIGINT),
      "timeToFirstTokenMs" = ${int(end.timeToFirstTokenMs)}, "durationMs" = COALESCE(${int(end.durationMs)}, ${tookMs(work)}),
      "finishReason" = CAST(${textOf(end.finishReason, 200)} AS TEXT), "error" = CAST(${textOf(end.error, 4000)} AS TEXT), "endedAtMs" = ${work.sql.nowMs}
    WHERE "id" = ${id} AND "status" = 'RUNNING' RETURNING ${USAGE_VALUES}`)
  return after
}

/** A server that comes back after weeks ends calls that took longer than the column holds. */
const most = Prisma.raw(String(MAX_INT))
const tookMs = ({ sql }: Work): Prisma.Sql =>
  Prisma.sql`CAST(CASE WHEN ${sql.nowMs} - "startedAtMs" > ${most} THEN ${most} ELSE ${sql.nowMs} - "startedAtMs" END AS INTEGER)`

/** The trail tells of the call; by its subject a usage has its entry. */
function entryOf({ id, ownerId, provider, model, status, startedAtMs, endedAtMs }: UsageValues): NewEntry {
  return {
    id: newId(),
    kind: 'PROVIDER_CALL',
    operation: `${provider}/${model}`.slice(0, 200),
    userId: ownerId,
    subjectType: 'ProviderUsage',
    subjectId: id,
    code: status === 'COMPLETED' ? null : `CALL_${status}`,
    durationMs: Math.max(0, Number(endedAtMs ?? startedAtMs) - Number(startedAtMs)),
  }
}

const textOf = (text: string | null, max: number): string | null => (text === null ? null : keptText(text, max))
