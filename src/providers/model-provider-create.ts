import { IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { registerConstraint } from '../db/constraints.ts'
import { truth, wholeInt } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { requireAdmin } from '../identity/identity-access.ts'
import type { Secrets } from '../secrets.ts'
import { cleanUrl, hintOf, MAX_PROVIDERS, MODEL_PROVIDER_VALUES, type ModelProviderKind, toModelProviderValues } from './model-provider.ts'
import { modelProviderChanged } from './model-provider-change.ts'
import { ProviderLimitReached } from './model-provider-errors.ts'
import { modelEnsure } from './models-write.ts'

registerConstraint({ model: 'ModelProvider', fields: ['id'] }, () => new IdTaken('ModelProvider'))

export interface ModelProviderCreation {
  id?: string | undefined
  name: string
  kind: Exclude<ModelProviderKind, 'LOCAL'>
  baseUrl?: string | undefined
  apiKey?: string | undefined
  defaultModel?: string | undefined
  priority?: number | undefined
  enabled?: boolean | undefined
  maxConcurrency?: number | undefined
  requestsPerMinute?: number | undefined
  timeoutSeconds?: number | undefined
  syncEveryMinutes?: number | undefined
}

/** Sets a provider up. Its key is kept sealed for this row, and said nowhere. Answers its id. */
export async function modelProviderCreate(work: Work, secrets: Secrets, creation: ModelProviderCreation): Promise<string> {
  requireAdmin(work.actor)
  const { sql } = work
  const { id = newId(), name, kind, baseUrl, apiKey, defaultModel, enabled = true, syncEveryMinutes } = creation
  const sealed = apiKey === undefined ? null : secrets.seal('provider-key', apiKey, id)
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "ModelProvider" ("id", "name", "kind", "source", "baseUrl", "apiKeySealed", "apiKeyHint", "enabled", "priority", "defaultModel", "maxConcurrency",
      "requestsPerMinute", "timeoutSeconds", "syncEveryMinutes", "nextSyncAtMs", "createdAtMs", "updatedAtMs")
    SELECT ${id}, ${name}, ${sql.asEnum('ModelProviderKind', kind)}, ${sql.asEnum('ModelProviderSource', 'API')}, ${baseUrl === undefined ? null : cleanUrl(kind, baseUrl)},
      ${sealed}, ${apiKey === undefined ? null : hintOf(apiKey)}, ${truth(enabled)}, ${wholeInt(creation.priority ?? 0)}, ${defaultModel ?? null},
      ${wholeInt(creation.maxConcurrency ?? null)}, ${wholeInt(creation.requestsPerMinute ?? null)}, ${wholeInt(creation.timeoutSeconds ?? null)},
      ${wholeInt(syncEveryMinutes ?? null)}, ${syncEveryMinutes === undefined ? Prisma.sql`NULL` : sql.nowMs}, ${sql.nowMs}, ${sql.nowMs}
    WHERE (SELECT COUNT(*) FROM "ModelProvider") < ${MAX_PROVIDERS}
    RETURNING ${MODEL_PROVIDER_VALUES}`)
  if (!row) throw new ProviderLimitReached()
  modelProviderChanged(work, 'CREATED', { before: null, after: toModelProviderValues(row) })
  if (defaultModel !== undefined) await modelEnsure(work, id, defaultModel)
  return id
}
