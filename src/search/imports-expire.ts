import { server } from '../core/actor.ts'
import { DAY_MS } from '../core/clock.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** Of a file that was refused, or whose rest never came, nothing is kept for longer than a week; of what an import led to, for a month. */
const PARTS_DAYS = 7
const IMPORT_DAYS = 30
const AT_ONCE = 20

/** Removes the parts of files that nobody will read, and imports that have ended long ago. */
export async function importsExpire(store: Store, signal: AbortSignal): Promise<void> {
  const ago = (days: number) => Prisma.sql`(SELECT ${store.database.sql.nowMs} - ${Prisma.raw(String(days * DAY_MS))})`
  const forgotten = Prisma.sql`"updatedAtMs" < ${ago(PARTS_DAYS)} AND "completedAtMs" IS NULL AND ("error" IS NOT NULL OR "isComplete" = FALSE)`
  for (let removed = AT_ONCE; removed === AT_ONCE && !signal.aborted; ) {
    const { result } = await transact(store, server, async (work) => {
      const parts = await work.rows<{ importId: string; seq: number }>(Prisma.sql`
        SELECT "importId", "seq" FROM "SearchImportPart" WHERE "importId" IN (SELECT "id" FROM "SearchImport" WHERE ${forgotten}) LIMIT ${AT_ONCE}`)
      for (const { importId, seq } of parts) await work.execute(Prisma.sql`DELETE FROM "SearchImportPart" WHERE "importId" = ${importId} AND "seq" = ${seq}`)
      return parts.length
    })
    removed = result
  }
  await transact(store, server, (work) =>
    work.execute(Prisma.sql`DELETE FROM "SearchImport" WHERE "id" IN (SELECT "id" FROM "SearchImport" WHERE "updatedAtMs" < ${ago(IMPORT_DAYS)}
      AND ("completedAtMs" IS NOT NULL OR "error" IS NOT NULL OR "isComplete" = FALSE) LIMIT 1000)`),
  )
}
