import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import { taskCreate } from '../tasks/task-create.ts'
import { TaskTypes } from '../tasks/task-type.ts'
import { vectorSpaceRemove } from '../vectors/vector-space-remove.ts'
import { collectionChanged, spaceOf } from './collection.ts'
import { collectionHold } from './collection-hold.ts'
import { CLEAR_TYPE } from './search-clear.ts'
import { textSpaceClear } from './text-space.ts'

/** Nobody waits for more than so much at once. */
const CHUNKS_AT_ONCE = 1000
const DOCUMENTS_AT_ONCE = 500
const PARTS_AT_ONCE = 50

/**
 * Removes a collection. From the commit on it is not there for anybody, and its name is free. What was in it goes with it where it is
 * little, and otherwise in portions, by a task.
 */
export async function collectionDelete(work: Work, id: string): Promise<void> {
  const collection = await collectionHold(work, id)
  await work.execute(Prisma.sql`UPDATE "SearchCollection" SET "deletedAtMs" = ${work.sql.nowMs}, "name" = ${`deleted:${id}`} WHERE "id" = ${id}`)
  collectionChanged(work, 'DELETED', collection)
  await vectorSpaceRemove(work, spaceOf(id))
  if (await collectionClear(work, id)) return
  const params = { collectionId: toGlobalId('SearchCollection', id) }
  await taskCreate(await inPlaceOf(work, collection.ownerId), types, {
    type: CLEAR_TYPE.name,
    params,
    description: 'Clears away a collection that was deleted.',
  })
}

const types = new TaskTypes()
types.register({ ...CLEAR_TYPE, run: () => Promise.reject(new Error('Here it is only made.')) })

/** Removes a portion of what was in a collection that is deleted; true when nothing of it is left. */
export async function collectionClear(work: Work, id: string): Promise<boolean> {
  if ((await textSpaceClear(work, spaceOf(id), CHUNKS_AT_ONCE)) === CHUNKS_AT_ONCE) return false
  const portion = (table: string, column: string, limit: number, of: Prisma.Sql) =>
    work.execute(
      Prisma.sql`DELETE FROM ${Prisma.raw(`"${table}"`)} WHERE ${Prisma.raw(column)} IN (SELECT ${Prisma.raw(column)} FROM ${Prisma.raw(`"${table}"`)} WHERE ${of} LIMIT ${limit})`,
    )
  if ((await portion('SearchDocument', '"id"', DOCUMENTS_AT_ONCE, Prisma.sql`"collectionId" = ${id}`)) === DOCUMENTS_AT_ONCE) return false
  const imports = Prisma.sql`"importId" IN (SELECT "id" FROM "SearchImport" WHERE "collectionId" = ${id})`
  const parts = await work.rows<{ importId: string; seq: number }>(
    Prisma.sql`SELECT "importId", "seq" FROM "SearchImportPart" WHERE ${imports} LIMIT ${PARTS_AT_ONCE}`,
  )
  for (const { importId, seq } of parts) await work.execute(Prisma.sql`DELETE FROM "SearchImportPart" WHERE "importId" = ${importId} AND "seq" = ${seq}`)
  if (parts.length === PARTS_AT_ONCE) return false
  await work.execute(Prisma.sql`DELETE FROM "SearchCollection" WHERE "id" = ${id} AND "deletedAtMs" IS NOT NULL`)
  return true
}
