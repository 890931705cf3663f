import { NotFound } from '../core/errors.ts'
import { fromJson, truth, whole, wholeInt } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { requireAdmin } from '../identity/identity-access.ts'
import { inOrder, MODEL_VALUES, type ModelDetails, type ModelValues, pricesCheck, toModelValues } from './model.ts'
import { modelSet } from './models-write.ts'

/** Undefined leaves a value as it is; null takes back what the operator said: then the provider's word counts, and of prices the bundled tables'. */
export interface ModelUpdate {
  contextLength?: number | null | undefined
  maxOutputTokens?: number | null | undefined
  capabilities?: string[] | null | undefined
  inputPrice?: number | null | undefined
  outputPrice?: number | null | undefined
  cachedInputPrice?: number | null | undefined
  enabled?: boolean | undefined
}

const PRICES = ['inputPrice', 'outputPrice', 'cachedInputPrice'] as const

/** Changes what the operator says of a model. */
export async function modelUpdate(work: Work, id: string, update: ModelUpdate): Promise<void> {
  requireAdmin(work.actor)
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${MODEL_VALUES}, "details" FROM "Model" WHERE "id" = ${id} ${work.sql.forUpdate}`)
  if (!row) throw new NotFound('Model', ['input', 'id'])
  const before = toModelValues(row)
  const { told } = fromJson<ModelDetails | null>(row.details) ?? {}
  const given = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined))
  if (!Object.keys(given).length) return
  const next = { ...before, ...given } as ModelValues
  if (PRICES.some((price) => update[price] !== undefined)) pricesCheck(next)
  if (update.contextLength === null) next.contextLength = told?.contextLength ?? null
  if (update.maxOutputTokens === null) next.maxOutputTokens = told?.maxOutputTokens ?? null
  if (update.capabilities === null) next.capabilities = told?.capabilities ?? []
  await modelSet(
    work,
    before,
    Prisma.sql`"contextLength" = ${wholeInt(next.contextLength)}, "maxOutputTokens" = ${wholeInt(next.maxOutputTokens)},
      "capabilities" = ${work.sql.json(inOrder(next.capabilities))}, "inputPrice" = ${whole(next.inputPrice)}, "outputPrice" = ${whole(next.outputPrice)},
      "cachedInputPrice" = ${whole(next.cachedInputPrice)}, "enabled" = ${truth(next.enabled)}`,
    'UPDATED',
  )
}
