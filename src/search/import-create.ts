import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { collectionInto, type Into } from './collection-hold.ts'
import type { IfExists } from './documents-write.ts'
import type { ImportFormat } from './import.ts'
import { type Part, partAppend } from './import-append.ts'
import './search-errors.ts'

export interface ImportCreation {
  id?: string | undefined
  format: ImportFormat
  name?: string | undefined
  ifExists: IfExists
}

/** Takes the first part of a file, and if that is all of it, makes the task that reads it. */
export async function importCreate(work: Work, into: Into, { id = newId(), format, name, ifExists }: ImportCreation, part: Part): Promise<string> {
  const collection = await collectionInto(work, into)
  await work.execute(Prisma.sql`
    INSERT INTO "SearchImport" ("id", "ownerId", "collectionId", "format", "name", "ifExists", "receivedParts", "receivedBytes", "isComplete", "readBytes", "readRows", "added", "updated", "unchanged", "failed", "faults", "createdAtMs", "updatedAtMs")
    SELECT ${id}, ${collection.ownerId}, ${collection.id}, ${format}, CAST(${name ?? null} AS TEXT), ${ifExists}, 0, 0, FALSE, 0, 0, 0, 0, 0, 0, ${work.sql.json([])}, "now"."ms", "now"."ms"
    FROM (SELECT ${work.sql.nowMs} AS "ms") AS "now"`)
  await partAppend(work, id, part)
  return id
}
