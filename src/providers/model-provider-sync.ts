import { type Actor, server } from '../core/actor.ts'
import { NotFound, Unavailable } from '../core/errors.ts'
import { wholeInt } from '../db/statement-values.ts'
import type { Store } from '../events/store.ts'
import { type Committed, transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { ProviderRow } from './catalogue.ts'
import type { ModelProviderValues } from './model-provider.ts'
import { modelProviderHold, modelProviderSet } from './model-provider-change.ts'
import { modelProviderSeen } from './model-provider-seen.ts'
import { type ModelsWritten, modelsWrite } from './models-write.ts'
import { ProviderFailed } from './provider-errors.ts'
import type { OpenProviders } from './providers.ts'
import type { ListedModel } from './sdk-provider.ts'

/** All that a list may take. */
const LIST_MS = 60_000
/** So long after a failure it is tried again, where it is tried by itself, or at its next time if that is sooner. */
export const AGAIN_AFTER_MINUTES = 5

export interface Synced extends Partial<ModelsWritten> {
  modelProviderId: string
  /** How many it lists; null: it did not answer. */
  listed: number | null
  /** Its own words about why not. */
  error: string | null
}

/**
 * Lists a provider's models anew. The call is made outside any transaction; what it brought is written only if the provider is still where it was
 * asked. A provider that does not answer is shown as DOWN, and its models stay as they were known.
 */
export async function modelProviderSync(store: Store, providers: OpenProviders, actor: Actor, id: string, signal?: AbortSignal): Promise<Committed<Synced>> {
  const row = await providers.catalogue!.provider(id)
  if (!row) throw new NotFound('ModelProvider', ['input', 'id'])
  const answer = await listOf(providers, row, signal)
  return transact(store, actor, async (work): Promise<Synced> => {
    const before = await modelProviderHold(work, id)
    if (before.kind !== row.kind || before.baseUrl !== row.baseUrl || before.name !== row.name)
      throw new Unavailable('The provider was changed while it was asked; ask it again.')
    if ('error' in answer) {
      await modelProviderSeen(work, id, answer.error)
      await nextSync(work, id, before, AGAIN_AFTER_MINUTES)
      return { modelProviderId: id, listed: null, error: answer.error }
    }
    const written = await modelsWrite(work, id, answer.models)
    await modelProviderSeen(work, id, null)
    await nextSync(work, id, before)
    await modelProviderSet(work, await modelProviderHold(work, id), Prisma.sql`"syncedAtMs" = ${work.sql.nowMs}`, 'SYNCED', {
      listed: answer.models.length,
      ...written,
    })
    return { modelProviderId: id, listed: answer.models.length, error: null, ...written }
  })
}

/** Its models, or its own words about why there are none. */
export async function listOf(
  providers: OpenProviders,
  row: ProviderRow,
  signal?: AbortSignal,
  withinMs = LIST_MS,
): Promise<{ models: ListedModel[] } | { error: string }> {
  const provider = providers.connect(row)
  if (provider.unavailableBecause !== null || !provider.listModels) return { error: provider.unavailableBecause ?? 'it lists no models' }
  const patience = AbortSignal.timeout(withinMs)
  try {
    return { models: await provider.listModels(signal ? AbortSignal.any([signal, patience]) : patience) }
  } catch (error) {
    signal?.throwIfAborted()
    if (patience.aborted) return { error: `it did not list its models within ${withinMs / 1000} s` }
    return { error: wordsOf(provider.name, error) }
  }
}

/** What a failure says, without the name of the provider, which stands beside it. */
export function wordsOf(name: string, error: unknown): string {
  if (!(error instanceof ProviderFailed)) throw error
  return error.message.replace(`${name}: `, '')
}

async function nextSync(work: Work, id: string, { syncEveryMinutes }: ModelProviderValues, most = Number.POSITIVE_INFINITY): Promise<void> {
  if (syncEveryMinutes === null) return
  const minutes = Math.min(syncEveryMinutes, most)
  await work.execute(Prisma.sql`UPDATE "ModelProvider" SET "nextSyncAtMs" = ${work.sql.nowMs} + ${wholeInt(minutes)} * 60000 WHERE "id" = ${id}`)
}

/** Takes the providers whose time has come, for this server alone: whoever moves the time on has it. Should it die then, they come again soon. */
export async function modelProvidersDue(store: Store, mayTake: (name: string, source: string) => boolean): Promise<string[]> {
  const due = await store.database.rows<{ id: string; name: string; source: string; nextSyncAtMs: number }>(Prisma.sql`
    SELECT "id", "name", "source", "nextSyncAtMs" FROM "ModelProvider" WHERE "enabled" AND "nextSyncAtMs" <= ${store.database.sql.nowMs} ORDER BY "nextSyncAtMs" LIMIT 20`)
  const taken: string[] = []
  for (const { id, name, source, nextSyncAtMs } of due) {
    if (!mayTake(name, source)) continue
    const { result } = await transact(store, server, (work) =>
      work.execute(Prisma.sql`UPDATE "ModelProvider" SET "nextSyncAtMs" = ${work.sql.nowMs} + ${wholeInt(AGAIN_AFTER_MINUTES)} * 60000
        WHERE "id" = ${id} AND "enabled" AND "nextSyncAtMs" = ${BigInt(nextSyncAtMs)}`),
    )
    if (result === 1) taken.push(id)
  }
  return taken
}
