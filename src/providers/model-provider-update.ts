import { truth, wholeInt } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { requireAdmin } from '../identity/identity-access.ts'
import type { Secrets } from '../secrets.ts'
import { cleanUrl, hintOf, type ModelProviderValues } from './model-provider.ts'
import { modelProviderHold, modelProviderSet } from './model-provider-change.ts'
import { KeyForOtherPlace, ProviderFromEnvironment } from './model-provider-errors.ts'
import { modelEnsure } from './models-write.ts'

/** Undefined leaves a value as it is; null clears it. */
export interface ModelProviderUpdate {
  name?: string | undefined
  baseUrl?: string | null | undefined
  apiKey?: string | null | undefined
  defaultModel?: string | null | undefined
  priority?: number | undefined
  enabled?: boolean | undefined
  maxConcurrency?: number | null | undefined
  requestsPerMinute?: number | null | undefined
  timeoutSeconds?: number | null | undefined
  syncEveryMinutes?: number | null | undefined
}

const OF_THE_ENVIRONMENT = ['name', 'baseUrl', 'apiKey', 'defaultModel'] as const

/** Changes how a provider is set up; every server goes by it with its next call. */
export async function modelProviderUpdate(work: Work, secrets: Secrets, id: string, update: ModelProviderUpdate): Promise<void> {
  requireAdmin(work.actor)
  const before = await modelProviderHold(work, id)
  const fields = Object.keys(update).filter((field) => update[field as keyof ModelProviderUpdate] !== undefined)
  if (!fields.length) return
  if (before.source === 'ENVIRONMENT') for (const field of OF_THE_ENVIRONMENT) if (update[field] !== undefined) throw new ProviderFromEnvironment(field)
  const baseUrl = update.baseUrl === undefined ? before.baseUrl : update.baseUrl === null ? null : cleanUrl(before.kind, update.baseUrl)
  if (before.hasKey && update.apiKey === undefined && placeOf(baseUrl) !== placeOf(before.baseUrl)) throw new KeyForOtherPlace()
  const next: ModelProviderValues = { ...before, ...given(update), baseUrl }
  const { sql } = work
  const isOtherSync = next.syncEveryMinutes !== before.syncEveryMinutes || (next.enabled && !before.enabled)
  await modelProviderSet(
    work,
    before,
    Prisma.sql`"name" = ${next.name}, "baseUrl" = ${next.baseUrl}, "defaultModel" = ${next.defaultModel}, "priority" = ${wholeInt(next.priority)},
      "enabled" = ${truth(next.enabled)}, "maxConcurrency" = ${wholeInt(next.maxConcurrency)}, "requestsPerMinute" = ${wholeInt(next.requestsPerMinute)},
      "timeoutSeconds" = ${wholeInt(next.timeoutSeconds)}, "syncEveryMinutes" = ${wholeInt(next.syncEveryMinutes)},
      "nextSyncAtMs" = ${!isOtherSync ? Prisma.sql`"nextSyncAtMs"` : next.syncEveryMinutes === null ? Prisma.sql`NULL` : sql.nowMs},
      ${keySet(secrets, id, update.apiKey)} "updatedAtMs" = ${sql.nowMs}`,
    'UPDATED',
    { fields },
  )
  if (update.defaultModel) await modelEnsure(work, id, update.defaultModel)
}

function keySet(secrets: Secrets, id: string, apiKey: string | null | undefined): Prisma.Sql {
  if (apiKey === undefined) return Prisma.empty
  if (apiKey === null) return Prisma.sql`"apiKeySealed" = NULL, "apiKeyHint" = NULL,`
  return Prisma.sql`"apiKeySealed" = ${secrets.seal('provider-key', apiKey, id)}, "apiKeyHint" = ${hintOf(apiKey)},`
}

/** What a change of leads a key elsewhere; null is the kind's own place. */
const placeOf = (baseUrl: string | null): string | null => (baseUrl === null ? null : new URL(baseUrl).origin)

const given = ({ apiKey: _apiKey, baseUrl: _baseUrl, ...update }: ModelProviderUpdate): Partial<ModelProviderValues> =>
  Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined))
