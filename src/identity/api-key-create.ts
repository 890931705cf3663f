import { type KnownActor, requireKnown } from '../core/actor.ts'
import { BadUserInput, IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { ApiScope } from '../core/scopes.ts'
import { registerConstraint } from '../db/constraints.ts'
import type { Work } from '../events/work.ts'
import { apiKeyHash, apiKeyShown } from './api-key.ts'

registerConstraint({ model: 'ApiKey', fields: ['id'] }, () => new IdTaken('ApiKey'))

export interface NewApiKey {
  id?: string | undefined
  name: string
  scopes: readonly ApiScope[]
  expiresAtMs: number | null
  /** Made before the transaction, so that trying it again makes no other. */
  secret: string
}

/** Makes a key for the acting user. A key can make no key that may more than itself, or for longer. Answers its id. */
export async function apiKeyCreate(work: Work, { id = newId(), name, scopes, expiresAtMs, secret }: NewApiKey): Promise<string> {
  const { db, sql } = work
  const actor = requireKnown(work.actor)
  requireNoMore(actor, scopes, expiresAtMs)
  const prefix = apiKeyShown(secret)
  const unique = [...new Set(scopes)]
  const [made] = await db.$queryRaw<{ createdAtMs: bigint }[]>`
    INSERT INTO "ApiKey" ("id", "ownerId", "name", "prefix", "secretHash", "scopes", "createdAtMs", "expiresAtMs")
    VALUES (${id}, ${actor.userId}, ${name}, ${prefix}, ${apiKeyHash(secret)}, ${sql.json(unique)}, ${sql.nowMs}, ${expiresAtMs === null ? null : BigInt(expiresAtMs)})
    RETURNING "createdAtMs"`
  if (expiresAtMs !== null && expiresAtMs <= Number(made!.createdAtMs)) throw new BadUserInput('Must lie in the future.', ['input', 'expiresAt'])
  work.events.push({
    kind: 'API_KEY_CREATED',
    subjectType: 'ApiKey',
    subjectId: id,
    ownerId: actor.userId,
    data: { name, prefix, scopes: unique, expiresAtMs },
  })
  return id
}

function requireNoMore(actor: KnownActor, scopes: readonly ApiScope[], expiresAtMs: number | null): void {
  if (actor.kind !== 'apiKey') return
  const more = scopes.filter((scope) => !actor.scopes.includes(scope))
  if (more.length) throw new BadUserInput(`The key you came with lacks ${more.join(', ')} and cannot give it on.`, ['input', 'scopes'])
  if (actor.expiresAtMs !== null && (expiresAtMs === null || expiresAtMs > actor.expiresAtMs))
    throw new BadUserInput('The key you came with expires; one made with it cannot outlive it.', ['input', 'expiresAt'])
}
