import { ownedBy } from '../core/actor.ts'
import { BadUserInput, NotFound } from '../core/errors.ts'
import { toGlobalId } from '../core/ids.ts'
import { truth } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import { taskCreate } from '../tasks/task-create.ts'
import { TaskTypes } from '../tasks/task-type.ts'
import { collectionKeep } from './collection-hold.ts'
import { IMPORT_VALUES, type ImportValues, toImportValues } from './import.ts'
import { ImportRefused } from './search-errors.ts'
import { IMPORT_TYPE } from './search-import.ts'

export interface Part {
  bytes: Uint8Array
  isLast: boolean
  /** How large the file may be in all. */
  maxFileBytes: number
}

/** Takes the next part of a file: the one behind so many that came before. A part that comes again is refused, and says where to go on. */
export async function importAppend(work: Work, id: string, afterPart: number, part: Part): Promise<void> {
  const held = await importHold(work, id)
  if (held.isComplete) throw new ImportRefused('All of the file is there already.', ['input', 'id'])
  if (held.receivedParts !== afterPart)
    throw new ImportRefused(`${held.receivedParts} parts are there: go on with afterPart ${held.receivedParts}.`, ['input', 'afterPart'])
  await partAppend(work, id, part)
}

/** An import that is the actor's, with nobody else changing it meanwhile. */
export async function importHold(work: Work, id: string): Promise<ImportValues> {
  const { ownerId } = ownedBy(work.actor)
  const mine = ownerId === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${ownerId}`
  const [place] = await work.rows<{ collectionId: string }>(Prisma.sql`SELECT "collectionId" FROM "SearchImport" WHERE "id" = ${id} ${mine}`)
  if (!place) throw new NotFound('SearchImport', ['input', 'id'])
  await collectionKeep(work, place.collectionId).catch((error: unknown) => {
    throw error instanceof NotFound ? new NotFound('SearchImport', ['input', 'id']) : error
  })
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${IMPORT_VALUES} FROM "SearchImport" WHERE "id" = ${id} ${work.sql.forUpdate}`)
  if (!row) throw new NotFound('SearchImport', ['input', 'id'])
  return toImportValues(row)
}

export async function partAppend(work: Work, id: string, { bytes, isLast, maxFileBytes }: Part): Promise<void> {
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "SearchImport" SET "receivedParts" = "receivedParts" + 1, "receivedBytes" = "receivedBytes" + ${bytes.byteLength}, "isComplete" = ${truth(isLast)}, "updatedAtMs" = ${work.sql.nowMs}
    WHERE "id" = ${id} RETURNING ${IMPORT_VALUES}`)
  const after = toImportValues(row!)
  if (after.receivedBytes > maxFileBytes) throw new BadUserInput(`A file has at most ${maxFileBytes} bytes here.`, ['input', 'text'])
  if (isLast && !after.receivedBytes) throw new BadUserInput('The file is empty.', ['input', 'text'])
  const value = work.dialect === 'postgresql' ? Prisma.sql`CAST(${bytes} AS BYTEA)` : Prisma.sql`${bytes}`
  await work.execute(Prisma.sql`INSERT INTO "SearchImportPart" ("importId", "seq", "startByte", "bytes")
    VALUES (${id}, CAST(${after.receivedParts - 1} AS INTEGER), CAST(${BigInt(after.receivedBytes - bytes.byteLength)} AS BIGINT), ${value})`)
  if (isLast) await order(work, after)
}

async function order(work: Work, { id, ownerId, name }: ImportValues): Promise<void> {
  const params = { importId: toGlobalId('SearchImport', id) }
  const task = await taskCreate(await inPlaceOf(work, ownerId), types, {
    type: IMPORT_TYPE.name,
    params,
    description: `Reads ${name ?? 'a file'} into a collection.`.slice(0, 500),
  })
  await work.execute(Prisma.sql`UPDATE "SearchImport" SET "taskId" = ${task.id} WHERE "id" = ${id}`)
}

const types = new TaskTypes()
types.register({ ...IMPORT_TYPE, run: () => Promise.reject(new Error('Here it is only made.')) })
