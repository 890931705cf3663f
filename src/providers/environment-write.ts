import { server } from '../core/actor.ts'
import { newId } from '../core/ids.ts'
import { wholeInt } from '../db/statement-values.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { EnvironmentProvider } from './environment.ts'
import { LOCAL_NAME, MODEL_PROVIDER_VALUES, toModelProviderValues } from './model-provider.ts'
import { modelProviderChanged, modelProviderSet } from './model-provider-change.ts'
import { modelEnsure, modelsWrite } from './models-write.ts'
import type { ListedModel, Listing } from './sdk-provider.ts'

export interface EnvironmentWriting {
  /** How often their models shall be listed; 0: only by hand. */
  syncEveryMinutes: number
  /** What the local model tells of itself: that takes no call. */
  local: Listing
  warn: (facts: object, message: string) => void
}

/** The default is the local model only where there is no other. */
const LOCAL_PRIORITY = -1000

/**
 * Shows what the environment sets up as rows, so that it can be listed, priced and switched off. The keys stay in the environment. Any number of
 * servers may do this at once: one makes the row, and where they differ the last to start has its say.
 */
export async function environmentWrite(store: Store, given: readonly EnvironmentProvider[], { syncEveryMinutes, local, warn }: EnvironmentWriting) {
  for (const provider of given) {
    if (provider.unavailableBecause !== null) continue
    const models = provider.name === LOCAL_NAME ? await local.listModels(AbortSignal.timeout(1000)) : null
    const { result } = await transact(store, server, (work) => providerWrite(work, provider, syncEveryMinutes, models))
    if (result === 'TAKEN')
      warn({ provider: provider.name }, 'A provider of this name is set up over the API: that one counts, and the one of the environment is passed over.')
  }
}

async function providerWrite(work: Work, provider: EnvironmentProvider, syncEveryMinutes: number, models: ListedModel[] | null): Promise<'WRITTEN' | 'TAKEN'> {
  const { sql } = work
  const { name, kind, defaultModel } = provider
  const baseUrl = shown(provider.baseUrl)
  const isLocal = name === LOCAL_NAME
  const every = isLocal || syncEveryMinutes === 0 ? null : syncEveryMinutes
  const [made] = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "ModelProvider" ("id", "name", "kind", "source", "baseUrl", "priority", "defaultModel", "syncEveryMinutes", "nextSyncAtMs", "createdAtMs", "updatedAtMs")
    VALUES (${newId()}, ${name}, ${sql.asEnum('ModelProviderKind', kind)}, ${sql.asEnum('ModelProviderSource', 'ENVIRONMENT')}, ${baseUrl},
      ${wholeInt(isLocal ? LOCAL_PRIORITY : 0)}, ${defaultModel}, ${wholeInt(every)}, ${every === null ? Prisma.sql`NULL` : sql.nowMs}, ${sql.nowMs}, ${sql.nowMs})
    ON CONFLICT ("name") DO NOTHING RETURNING ${MODEL_PROVIDER_VALUES}`)
  const [row] = made
    ? [made]
    : await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${MODEL_PROVIDER_VALUES} FROM "ModelProvider" WHERE "name" = ${name} ${sql.forUpdate}`)
  // Deleted in this very moment: the next start makes it anew, and until then this server knows it all the same.
  if (!row) return 'WRITTEN'
  const before = toModelProviderValues(row)
  if (before.source !== 'ENVIRONMENT') return 'TAKEN'
  if (made) modelProviderChanged(work, 'CREATED', { before: null, after: before })
  else if (before.kind !== kind || before.baseUrl !== baseUrl || before.defaultModel !== defaultModel)
    await modelProviderSet(
      work,
      before,
      Prisma.sql`"kind" = ${sql.asEnum('ModelProviderKind', kind)}, "baseUrl" = ${baseUrl}, "defaultModel" = ${defaultModel}, "updatedAtMs" = ${sql.nowMs}`,
      'UPDATED',
      { fields: ['kind', 'baseUrl', 'defaultModel'] },
    )
  if (models) await modelsWrite(work, before.id, models)
  else if (defaultModel !== null) await modelEnsure(work, before.id, defaultModel)
  return 'WRITTEN'
}

/** An address without the user and password that may stand in it. */
function shown(baseUrl: string | null): string | null {
  if (baseUrl === null) return null
  const url = new URL(baseUrl)
  return url.username || url.password ? `${url.origin}${url.pathname}`.replace(/\/$/, '') : baseUrl
}
