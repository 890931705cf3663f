import { setImmediate as breath } from 'node:timers/promises'
import { DomainError } from '../core/errors.ts'
import { fromGlobalId } from '../core/ids.ts'
import type { Store } from '../events/store.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskRun, TaskType } from '../tasks/task-type.ts'
import { collectionKeep } from './collection-hold.ts'
import { type DocumentInput, MAX_CONTENT } from './document.ts'
import { documentsWrite } from './documents-write.ts'
import { IMPORT_VALUES, type ImportFault, type ImportValues, MAX_FAULTS, toImportValues } from './import.ts'
import { importHold } from './import-append.ts'
import { takeCsv } from './import-csv.ts'
import { takeJsonl } from './import-jsonl.ts'
import { type ImportRow, kindOf, type Taken } from './import-rows.ts'
import { wholeRow } from './import-whole.ts'
import { FileUnreadable } from './search-errors.ts'
import { IMPORT_TYPE, type ImportParams } from './search-import.ts'

const PARTS_AT_ONCE = 2
/** On SQLite nothing else happens in the process while a batch is written. */
const ROWS_AT_ONCE = 200
/** A row is no longer than what it may say, in the longest way to write that as JSON. */
const MAX_ROW_BYTES = 6 * MAX_CONTENT
/** A file that is one document may have much in it that is no text. */
const MAX_WHOLE_BYTES = 20_000_000
const IS_WHOLE = ['TEXT', 'MARKDOWN', 'HTML']

/** `store` is null where the type is only known by name. */
export const searchImport = (store: Store | null): TaskType<ImportParams> => ({
  ...IMPORT_TYPE,
  async run(task) {
    if (!store) throw new Error('This needs the database.')
    const { id } = fromGlobalId(task.params.importId)
    try {
      return await readAll(store, task, id)
    } catch (error) {
      if (error instanceof FileUnreadable) await task.transact((work) => refuse(work, id, task.ownerId, error.message))
      throw error
    }
  },
})

async function readAll(store: Store, task: TaskRun<ImportParams>, id: string) {
  for (;;) {
    task.signal.throwIfAborted()
    const now = await present(store, id, task.ownerId)
    if (now.error) throw new FileUnreadable(now.error)
    if (now.completedAtMs !== null) return outcome(now)
    const taken = await take(store, now, task.signal)
    const after = await task.transact((work) => write(work, now, taken))
    await breath()
    task.progress(Math.min(1, after.readBytes / Math.max(1, after.receivedBytes)), `${after.readRows} rows`)
  }
}

const outcome = ({ added, updated, unchanged, failed, readRows }: ImportValues) => ({
  result: { rows: readRows, added, updated, unchanged, failed },
  summary: `Read ${readRows} rows: ${added} added, ${updated} updated, ${unchanged} unchanged, ${failed} failed.`,
})

async function present({ database }: Store, id: string, ownerId: string): Promise<ImportValues> {
  const [row] = await database.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${IMPORT_VALUES} FROM "SearchImport" WHERE "id" = ${id} AND "ownerId" = ${ownerId} AND "isComplete" = TRUE`,
  )
  if (!row) throw new DomainError('NOT_FOUND', 'The import is gone, or not all of the file is there yet.')
  return toImportValues(row)
}

/** What lies behind what was read, as far as one transaction goes. */
async function take(store: Store, now: ImportValues, signal: AbortSignal): Promise<Taken> {
  const isWhole = IS_WHOLE.includes(now.format)
  if (isWhole && now.receivedBytes > MAX_WHOLE_BYTES) throw new FileUnreadable(`A file that is one document has at most ${MAX_WHOLE_BYTES} bytes.`)
  for (let parts = isWhole ? Number.MAX_SAFE_INTEGER : PARTS_AT_ONCE; ; parts *= 2) {
    const bytes = await bytesBehind(store, now, Math.min(parts, 10_000))
    const isLast = now.readBytes + bytes.length >= now.receivedBytes
    const kind = now.readBytes === 0 ? kindOf(bytes) : null
    if (kind) throw new FileUnreadable(`This is no ${now.format}: it is ${kind}.`)
    if (isWhole) return { rows: [await wholeRow({ bytes, format: now.format, name: now.name }, signal)], bytes: bytes.length, state: null }
    const window = { bytes, isFirst: now.readBytes === 0, isLast, limit: ROWS_AT_ONCE, state: now.state, name: now.name }
    const taken = now.format === 'CSV' ? takeCsv(window) : takeJsonl(window)
    if (taken.bytes || isLast) return taken
    if (bytes.length > MAX_ROW_BYTES) throw new FileUnreadable(`Row ${now.readRows + 1} is longer than any document.`)
  }
}

async function bytesBehind({ database }: Store, { id, readBytes }: ImportValues, parts: number): Promise<Buffer> {
  const rows = await database.rows<{ startByte: number; bytes: Uint8Array }>(Prisma.sql`
    SELECT "startByte", "bytes" FROM "SearchImportPart" WHERE "importId" = ${id} ORDER BY "seq" LIMIT ${parts}`)
  if (!rows.length) return Buffer.alloc(0)
  // Whole parts that were read are gone.
  return Buffer.concat(rows.map(({ bytes }) => bytes)).subarray(readBytes - Number(rows[0]!.startByte))
}

/** The documents and how far that brings the import, in one transaction. Where another attempt was faster, nothing. */
async function write(work: Work, before: ImportValues, { rows, bytes, state }: Taken): Promise<ImportValues> {
  const { id } = before
  const now = await importHold(work, id)
  if (now.readBytes !== before.readBytes || now.completedAtMs !== null) return now
  const collection = await collectionKeep(work, now.collectionId)
  const faults: ImportFault[] = []
  const fault = (index: number, message: string) => faults.push({ row: now.readRows + index + 1, message: message.slice(0, 500) })
  const good = rows.flatMap((row: ImportRow, index) => {
    if ('document' in row) return [{ input: row.document, index }]
    fault(index, row.fault)
    return []
  })
  const outcomes: string[] = []
  for (const round of rounds(good)) {
    const inputs = round.map(({ input }) => input)
    for (const [i, each] of (await documentsWrite(work, collection, inputs, now.ifExists)).entries()) {
      if ('fault' in each) fault(round[i]!.index, each.fault.message)
      else outcomes.push(each.outcome)
    }
  }
  const count = (outcome: string) => outcomes.filter((each) => each === outcome).length
  const isDone = now.readBytes + bytes >= now.receivedBytes
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "SearchImport" SET "readBytes" = "readBytes" + ${bytes}, "readRows" = "readRows" + ${rows.length}, "state" = ${state === null ? Prisma.sql`NULL` : work.sql.json(state)},
      "added" = "added" + ${count('ADDED')}, "updated" = "updated" + ${count('UPDATED')}, "unchanged" = "unchanged" + ${count('UNCHANGED') + count('KEPT')}, "failed" = "failed" + ${faults.length},
      "faults" = ${work.sql.json([...now.faults, ...faults.sort((a, b) => a.row - b.row)].slice(0, MAX_FAULTS))},
      "completedAtMs" = ${isDone ? work.sql.nowMs : Prisma.sql`NULL`}, "updatedAtMs" = ${work.sql.nowMs}
    WHERE "id" = ${id} RETURNING ${IMPORT_VALUES}`)
  await work.execute(
    Prisma.sql`DELETE FROM "SearchImportPart" WHERE "importId" = ${id} AND "startByte" + length("bytes") <= CAST(${BigInt(now.readBytes + bytes)} AS BIGINT)`,
  )
  return toImportValues(row!)
}

/** A row that names a document of an earlier row is written after that one, as it would be if they lay farther apart. */
function rounds<T extends { input: DocumentInput }>(rows: readonly T[]): T[][] {
  const all: T[][] = []
  const times = new Map<string, number>()
  for (const row of rows) {
    const { externalId } = row.input
    const round = externalId === undefined ? 0 : (times.get(externalId) ?? 0)
    if (externalId !== undefined) times.set(externalId, round + 1)
    const list = all[round] ?? []
    list.push(row)
    all[round] = list
  }
  return all
}

async function refuse(work: Work, id: string, ownerId: string, message: string): Promise<void> {
  await work.execute(
    Prisma.sql`UPDATE "SearchImport" SET "error" = ${message.slice(0, 1000)}, "updatedAtMs" = ${work.sql.nowMs} WHERE "id" = ${id} AND "ownerId" = ${ownerId} AND "completedAtMs" IS NULL`,
  )
}
