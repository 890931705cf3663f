import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { OUTSIDE_LEASE_MS } from './stream.ts'
import { type Producer, writtenBy } from './stream-access.ts'
import { streamRefusal } from './stream-refusal.ts'

/** A producer elsewhere says that it lives: its lease begins anew. That of an attempt is its task's, and is renewed there. */
export async function streamHeartbeat(work: Work, producer: Producer): Promise<void> {
  const open = Prisma.sql`${writtenBy(producer)} AND "status" IN ('PENDING', 'STREAMING')`
  const count =
    producer.attempt === undefined
      ? await work.execute(Prisma.sql`UPDATE "Stream" SET "leaseExpiresAtMs" = ${work.sql.nowMs} + CAST(${OUTSIDE_LEASE_MS} AS INTEGER) WHERE ${open}`)
      : (await work.rows(Prisma.sql`SELECT "id" FROM "Stream" WHERE ${open}`)).length
  if (count === 0) throw await streamRefusal(work, producer)
}
