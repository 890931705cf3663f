import type { Store } from '../events/store.ts'

const EVERY_MS = 60_000
const touching = new WeakMap<Store, Set<string>>()

/**
 * Notes that a key is in use, at most once a minute, without anybody waiting for it. It changes nothing that matters: when it
 * fails, a time shown is older than it could be.
 */
export function apiKeyTouch(store: Store, apiKeyId: string): void {
  const underWay = touching.get(store) ?? new Set()
  if (underWay.has(apiKeyId)) return
  touching.set(store, underWay.add(apiKeyId))
  const { client, sql } = store.database
  const done = () => underWay.delete(apiKeyId)
  client.$executeRaw`UPDATE "ApiKey" SET "lastUsedAtMs" = ${sql.nowMs}
    WHERE "id" = ${apiKeyId} AND ("lastUsedAtMs" IS NULL OR "lastUsedAtMs" <= ${sql.nowMs} - ${BigInt(EVERY_MS)})`.then(done, done)
}

export const isTouchDue = (lastUsedAtMs: number | null | undefined, nowMs: number): boolean => (lastUsedAtMs ?? 0) <= nowMs - EVERY_MS
