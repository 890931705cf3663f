import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import { Prisma } from '../generated/sqlite/client.ts'

const AT_ONCE = 2000

/** Removes what is left of retired sets, in portions: nobody waits long for it. Any number of servers may do it. */
export async function vectorsSweep(store: Store, signal: AbortSignal): Promise<void> {
  const retired = await store.database.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "VectorSet" WHERE "status" = 'RETIRED' LIMIT 100`)
  for (const { id } of retired) {
    for (const table of ['VectorPending', 'Vector'] as const) {
      const name = Prisma.raw(`"${table}"`)
      const portion = Prisma.sql`DELETE FROM ${name} WHERE "setId" = ${id} AND "itemId" IN (SELECT "itemId" FROM ${name} WHERE "setId" = ${id} LIMIT ${AT_ONCE})`
      while (!signal.aborted && (await transact(store, server, (work) => work.execute(portion))).result === AT_ONCE);
    }
    if (signal.aborted) return
    await transact(store, server, (work) => work.execute(Prisma.sql`DELETE FROM "VectorSet" WHERE "id" = ${id} AND "status" = 'RETIRED'`))
  }
}
