import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { vectorItemsChange } from '../vectors/vector-items-change.ts'
import { vectorItemsRemove } from '../vectors/vector-items-remove.ts'
import { type Chunk, chunksOf } from './chunks.ts'
import { type CollectionValues, spaceOf } from './collection.ts'
import './collection-items.ts'
import { type TextItem, textIndexPut, textIndexRemove } from './text-index.ts'
import { textSpaceOpen } from './text-space.ts'

export interface Chunked {
  id: string
  title?: string | null | undefined
  content: string
  /** Whether it has no chunks yet. */
  isNew: boolean
  /** Whether its chunks must be told of its title. */
  isRetitled: boolean
}

interface Placed extends Chunk {
  id: string
  documentId: string
  seq: number
}

interface Known {
  id: string
  documentId: string
  hash: string
}

/** So many at once: a document of many chunks has as many rows. */
const AT_ONCE = 2000

/** Cuts documents into chunks and puts these into the index. A chunk that says what it said before is the same, wherever it stands now. */
export async function chunksWrite(work: Work, collection: CollectionValues, documents: readonly Chunked[]): Promise<void> {
  if (!documents.length) return
  const known = await chunksOfDocuments(
    work,
    documents.flatMap(({ id, isNew }) => (isNew ? [] : [id])),
  )
  const placed: Placed[] = []
  const items: TextItem[] = []
  for (const { id: documentId, title, content, isRetitled } of documents) {
    for (const [seq, chunk] of chunksOf(content, collection).entries()) {
      const same = known.get(documentId)?.get(chunk.hash)?.shift()
      const id = same ?? newId()
      placed.push({ ...chunk, id, documentId, seq })
      if (same === undefined || isRetitled) items.push({ id, groupId: documentId, title, content: chunk.text })
    }
  }
  const gone = [...known.values()].flatMap((byHash) => [...byHash.values()].flat())
  await remove(work, collection, gone)
  await insert(work, collection, placed)
  await textIndexPut(work, await textSpaceOpen(work, spaceOf(collection.id), collection.language), items)
  await vectorItemsChange(
    work,
    spaceOf(collection.id),
    items.map(({ id }) => id),
  )
}

async function chunksOfDocuments(work: Work, documentIds: readonly string[]): Promise<Map<string, Map<string, string[]>>> {
  const rows = documentIds.length
    ? await work.rows<Known>(Prisma.sql`SELECT "id", "documentId", "hash" FROM "SearchChunk"
        WHERE "documentId" IN (SELECT "id" FROM ${work.sql.table('of', { id: { kind: 'text', values: documentIds } })}) ORDER BY "documentId", "seq"`)
    : []
  const known = new Map<string, Map<string, string[]>>()
  for (const { id, documentId, hash } of rows) {
    const byHash = known.get(documentId) ?? new Map<string, string[]>()
    byHash.set(hash, [...(byHash.get(hash) ?? []), id])
    known.set(documentId, byHash)
  }
  return known
}

async function insert(work: Work, { id: collectionId }: CollectionValues, placed: readonly Placed[]): Promise<void> {
  for (let from = 0; from < placed.length; from += AT_ONCE) {
    const rows = placed.slice(from, from + AT_ONCE)
    await work.execute(Prisma.sql`INSERT INTO "SearchChunk" ("id", "documentId", "collectionId", "seq", "startAt", "endAt", "hash")
      SELECT "new"."id", "new"."documentId", ${collectionId}, "new"."seq", "new"."startAt", "new"."endAt", "new"."hash" FROM ${work.sql.table('new', {
        id: { kind: 'text', values: rows.map(({ id }) => id) },
        documentId: { kind: 'text', values: rows.map(({ documentId }) => documentId) },
        seq: { kind: 'integer', values: rows.map(({ seq }) => seq) },
        startAt: { kind: 'integer', values: rows.map(({ startAt }) => startAt) },
        endAt: { kind: 'integer', values: rows.map(({ endAt }) => endAt) },
        hash: { kind: 'text', values: rows.map(({ hash }) => hash) },
      })} WHERE TRUE ON CONFLICT ("id") DO UPDATE SET "seq" = excluded."seq", "startAt" = excluded."startAt", "endAt" = excluded."endAt"`)
  }
}

async function remove(work: Work, { id }: CollectionValues, gone: readonly string[]): Promise<void> {
  await textIndexRemove(work, spaceOf(id), gone)
  await vectorItemsRemove(work, spaceOf(id), gone)
  for (let from = 0; from < gone.length; from += AT_ONCE)
    await work.execute(
      Prisma.sql`DELETE FROM "SearchChunk" WHERE "id" IN (SELECT "id" FROM ${work.sql.table('gone', { id: { kind: 'text', values: gone.slice(from, from + AT_ONCE) } })})`,
    )
}
