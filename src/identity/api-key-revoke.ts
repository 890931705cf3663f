import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'

/** Ends a key for good; one that was revoked before stays as it is. Answers its id. */
export async function apiKeyRevoke(work: Work, id: string | null): Promise<string> {
  const { db, sql } = work
  const key = id === null ? null : await db.apiKey.findFirst({ where: { AND: [{ id }, ownedBy(work.actor)] }, select: { id: true, ownerId: true } })
  if (!key) throw new NotFound('API key', ['input', 'id'])
  const revoked = await db.$executeRaw`UPDATE "ApiKey" SET "revokedAtMs" = ${sql.nowMs} WHERE "id" = ${key.id} AND "revokedAtMs" IS NULL`
  if (revoked) work.events.push({ kind: 'API_KEY_REVOKED', subjectType: 'ApiKey', subjectId: key.id, ownerId: key.ownerId })
  return key.id
}
