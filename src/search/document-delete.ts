import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { vectorItemsRemove } from '../vectors/vector-items-remove.ts'
import { documentsChanged, spaceOf } from './collection.ts'
import { documentHold } from './document-hold.ts'
import { textIndexRemove } from './text-index.ts'

/** Removes a document, which is not found from then on. */
export async function documentDelete(work: Work, id: string): Promise<void> {
  const { collection } = await documentHold(work, id)
  const chunks = await work.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "SearchChunk" WHERE "documentId" = ${id}`)
  const ids = chunks.map((chunk) => chunk.id)
  await textIndexRemove(work, spaceOf(collection.id), ids)
  await vectorItemsRemove(work, spaceOf(collection.id), ids)
  await work.execute(Prisma.sql`DELETE FROM "SearchDocument" WHERE "id" = ${id}`)
  documentsChanged(work, collection, { added: [], updated: [], deleted: [id] })
}
