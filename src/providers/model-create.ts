import { BadUserInput, IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { registerConstraint } from '../db/constraints.ts'
import { truth, whole, wholeInt } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { requireAdmin } from '../identity/identity-access.ts'
import { inOrder, MODEL_VALUES, pricesCheck, toModelValues } from './model.ts'
import { modelChanged, modelProviderHold } from './model-provider-change.ts'
import { ModelLimitReached, ModelNameTaken } from './model-provider-errors.ts'

/** Twice as many as a provider may list. */
export const MAX_MODELS = 4000

registerConstraint({ model: 'Model', fields: ['id'] }, () => new IdTaken('Model'))
registerConstraint({ model: 'Model', fields: ['providerId', 'name'] }, () => new ModelNameTaken())

export interface ModelCreation {
  id?: string | undefined
  /** Of the provider; inner. */
  providerId: string
  name: string
  contextLength?: number | undefined
  maxOutputTokens?: number | undefined
  capabilities?: string[] | undefined
  inputPrice?: number | undefined
  outputPrice?: number | undefined
  cachedInputPrice?: number | undefined
  enabled?: boolean | undefined
}

/** Writes a model down that its provider does not list, with what the operator knows of it. Answers its id. */
export async function modelCreate(work: Work, creation: ModelCreation): Promise<string> {
  requireAdmin(work.actor)
  const { sql } = work
  const { id = newId(), providerId, name, contextLength = null, maxOutputTokens = null, capabilities = [], enabled = true } = creation
  const { inputPrice = null, outputPrice = null, cachedInputPrice = null } = creation
  pricesCheck({ inputPrice, outputPrice, cachedInputPrice })
  const provider = await modelProviderHold(work, providerId, 'providerId')
  if (provider.kind === 'LOCAL') throw new BadUserInput('This machine’s own provider has the one model that it has.', ['input', 'providerId'])
  // What was never listed counts as listed until the provider is asked for its list.
  const isListed = provider.syncedAtMs === null
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "Model" ("id", "providerId", "name", "contextLength", "maxOutputTokens", "capabilities", "inputPrice", "outputPrice", "cachedInputPrice", "enabled", "isListed",
      "details", "createdAtMs", "updatedAtMs")
    SELECT CAST(${id} AS TEXT), CAST(${providerId} AS TEXT), CAST(${name} AS TEXT), ${wholeInt(contextLength)}, ${wholeInt(maxOutputTokens)}, ${sql.json(inOrder(capabilities))},
      ${whole(inputPrice)}, ${whole(outputPrice)}, ${whole(cachedInputPrice)}, ${truth(enabled)}, ${truth(isListed)}, ${sql.json({})}, ${sql.nowMs}, ${sql.nowMs}
    WHERE (SELECT COUNT(*) FROM "Model" WHERE "providerId" = ${providerId}) < ${MAX_MODELS}
    RETURNING ${MODEL_VALUES}`)
  if (!row) throw new ModelLimitReached(MAX_MODELS)
  modelChanged(work, 'CREATED', { before: null, after: toModelValues(row) })
  return id
}
