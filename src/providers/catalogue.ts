/** What the database says of providers and models, read with each request: a change on one server is one on all. */

import { server } from '../core/actor.ts'
import { fromJson } from '../db/statement-values.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Secrets } from '../secrets.ts'
import type { ModelValues } from './model.ts'
import type { ModelProviderKind, ModelProviderSource } from './model-provider.ts'
import { modelProviderSeen } from './model-provider-seen.ts'

export interface ProviderRow {
  id: string
  name: string
  kind: ModelProviderKind
  source: ModelProviderSource
  baseUrl: string | null
  apiKeySealed: Uint8Array | null
  enabled: boolean
  priority: number
  /** The one that is set, or else the first that is listed; null where that is switched off, and where none is known. */
  defaultModel: string | null
  maxConcurrency: number | null
  requestsPerMinute: number | null
  timeoutSeconds: number | null
}

export interface Catalogue {
  /** In the order in which the default is looked for. */
  providers(): Promise<ProviderRow[]>
  provider(id: string): Promise<ProviderRow | null>
  /** Null: nobody has told of it. */
  model(providerId: string, name: string): Promise<Pick<ModelValues, 'contextLength' | 'maxOutputTokens' | 'capabilities' | 'enabled'> | null>
  /** Throws where it was sealed elsewhere. */
  keyOf(row: ProviderRow): string | null
  /** Notes how a provider was found by a call: null, it answered. Returns at once. */
  seen(providerId: string, error: string | null): void
  /** Waits for what is to be noted. */
  close(): Promise<void>
}

/** What is found the same again is written down this often at most. */
const SEEN_EVERY_MS = 5000

const columns = Prisma.sql`"id", "name", "kind", "source", "baseUrl", "apiKeySealed", "enabled", "priority", "maxConcurrency", "requestsPerMinute", "timeoutSeconds",
  COALESCE(
    (SELECT "ModelProvider"."defaultModel" WHERE NOT EXISTS (SELECT 1 FROM "Model" WHERE "providerId" = "ModelProvider"."id" AND "Model"."name" = "ModelProvider"."defaultModel" AND NOT "Model"."enabled")),
    (SELECT "Model"."name" FROM "Model" WHERE "providerId" = "ModelProvider"."id" AND "Model"."enabled" AND "isListed"
      AND CAST("capabilities" AS TEXT) NOT LIKE '%"EMBEDDING"%' ORDER BY "Model"."name" LIMIT 1)) AS "defaultModel"`
const order = Prisma.sql`ORDER BY "priority" DESC, CASE WHEN "source" = 'ENVIRONMENT' THEN 0 ELSE 1 END, "createdAtMs", "id"`

export function openCatalogue(store: Store, secrets: Secrets, warn: (error: unknown) => void): Catalogue {
  const { database } = store
  const told = new Map<string, { error: string | null; atMs: number }>()
  const writing = new Set<Promise<unknown>>()
  const read = async (which: Prisma.Sql): Promise<ProviderRow[]> =>
    (await database.rows<ProviderRow>(Prisma.sql`SELECT ${columns} FROM "ModelProvider" WHERE ${which} ${order}`)).map((row) => ({
      ...row,
      enabled: Boolean(row.enabled),
    }))
  return {
    providers: () => read(Prisma.sql`1 = 1`),
    provider: async (id) => (await read(Prisma.sql`"id" = ${id}`))[0] ?? null,
    async model(providerId, name) {
      const [row] = await database.rows<ModelValues>(
        Prisma.sql`SELECT "contextLength", "maxOutputTokens", "capabilities", "enabled" FROM "Model" WHERE "providerId" = ${providerId} AND "name" = ${name}`,
      )
      return row ? { ...row, capabilities: fromJson(row.capabilities), enabled: Boolean(row.enabled) } : null
    },
    keyOf: ({ id, apiKeySealed }) => (apiKeySealed === null ? null : secrets.unseal('provider-key', apiKeySealed, id)),
    seen(providerId, error) {
      const before = told.get(providerId)
      const atMs = performance.now()
      if (before && before.error === error && atMs - before.atMs < SEEN_EVERY_MS) return
      told.set(providerId, { error, atMs })
      const write = transact(store, server, (work) => modelProviderSeen(work, providerId, error))
        .catch(warn)
        .finally(() => writing.delete(write))
      writing.add(write)
    },
    async close() {
      await Promise.all(writing)
    },
  }
}
