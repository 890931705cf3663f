import { isDeepStrictEqual } from 'node:util'
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { chunksWrite } from './chunks-write.ts'
import { documentsChanged } from './collection.ts'
import { distinctTags } from './document.ts'
import { documentHold } from './document-hold.ts'
import { documentsSet, tagsOf, tagsWrite } from './documents-write.ts'
import { DocumentExists } from './search-errors.ts'

/** Undefined leaves a value as it is; null clears it. */
export interface DocumentUpdate {
  externalId?: string | null | undefined
  title?: string | null | undefined
  content?: string | undefined
  metadata?: unknown
  tags?: readonly string[] | undefined
}

/** Changes what a document says, and finds it by that from then on. */
export async function documentUpdate(work: Work, id: string, update: DocumentUpdate): Promise<void> {
  const before = await documentHold(work, id)
  const title = update.title === undefined ? before.title : update.title
  const { content = before.content } = update
  const had = { metadata: fromJson(before.metadata), tags: (await tagsOf(work, [id])).get(id) ?? [] }
  const metadata = update.metadata === undefined ? had.metadata : (update.metadata ?? {})
  const tags = update.tags === undefined ? had.tags : distinctTags(update.tags)
  const isRenamed = update.externalId !== undefined && (await rename(work, before.collection.id, id, update.externalId))
  const isRewritten = content !== before.content || title !== before.title
  const isRetagged = !isDeepStrictEqual(tags, had.tags)
  if (!isRenamed && !isRewritten && !isRetagged && isDeepStrictEqual(metadata, had.metadata)) return
  await documentsSet(work, [{ id, title, content, metadata }])
  if (isRetagged) await tagsWrite(work, before.collection, [{ id, tags }])
  if (isRewritten) await chunksWrite(work, before.collection, [{ id, title, content, isNew: false, isRetitled: title !== before.title }])
  documentsChanged(work, before.collection, { added: [], updated: [id], deleted: [] })
}

/** Another external id, unless another document has it. Whoever takes it in the same moment is met by the database. */
async function rename(work: Work, collectionId: string, id: string, externalId: string | null): Promise<boolean> {
  if (externalId !== null) {
    const [other] = await work.rows<{ id: string }>(
      Prisma.sql`SELECT "id" FROM "SearchDocument" WHERE "collectionId" = ${collectionId} AND "externalId" = ${externalId}`,
    )
    if (other && other.id !== id) throw new DocumentExists(other.id)
    if (other) return false
  }
  const renamed = await work.execute(
    Prisma.sql`UPDATE "SearchDocument" SET "externalId" = CAST(${externalId} AS TEXT) WHERE "id" = ${id} AND ("externalId" IS NOT NULL OR ${externalId === null ? 0 : 1} = 1)`,
  )
  return renamed > 0
}
