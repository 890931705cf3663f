/** A collection as lines of JSON, page by page: what `search.import` reads again. */
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { tagsOf } from './documents-write.ts'

export const MAX_EXPORTED = 1000
/** A page ends behind the document that makes it as long as this. */
export const PAGE_CHARACTERS = 1_000_000
const AT_ONCE = 50

/** Where a document stands in the order in which they were added. */
export interface ExportPlace {
  id: string
  createdAtMs: number
}

export interface ExportPage {
  content: string
  documents: number
  /** The place of its last document. */
  end: ExportPlace | null
  isMore: boolean
}

interface Row extends ExportPlace {
  externalId: string | null
  title: string | null
  content: string
  metadata: unknown
}

export async function collectionExport(work: Work, collectionId: string, { after, first }: { after: ExportPlace | null; first: number }): Promise<ExportPage> {
  const lines: string[] = []
  let length = 0
  let end = after
  for (;;) {
    // One more than is wanted, to know whether there is more.
    const wanted = Math.min(AT_ONCE, first - lines.length) + 1
    const rows = await read(work, collectionId, end, wanted)
    const tags = await tagsOf(
      work,
      rows.map(({ id }) => id),
    )
    for (const { id, createdAtMs, externalId, title, content, metadata } of rows) {
      if (lines.length >= first || length >= PAGE_CHARACTERS) return { content: joined(lines), documents: lines.length, end, isMore: true }
      const known = { ...(externalId !== null && { externalId }), ...(title !== null && { title }) }
      const line = JSON.stringify({ ...known, content, metadata: fromJson(metadata), tags: tags.get(id) ?? [] })
      lines.push(line)
      length += line.length + 1
      end = { id, createdAtMs }
    }
    if (rows.length < wanted) return { content: joined(lines), documents: lines.length, end, isMore: false }
  }
}

const joined = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

const read = (work: Work, collectionId: string, after: ExportPlace | null, limit: number): Promise<Row[]> =>
  work.rows(Prisma.sql`SELECT "id", "createdAtMs", "externalId", "title", "content", "metadata" FROM "SearchDocument" WHERE "collectionId" = ${collectionId}
    ${after ? Prisma.sql`AND ("createdAtMs", "id") > (CAST(${BigInt(after.createdAtMs)} AS BIGINT), ${after.id})` : Prisma.empty} ORDER BY "createdAtMs", "id" LIMIT ${limit}`)
