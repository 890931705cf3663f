/**
 * Writes documents into a collection by a few statements, however many they are. What is there already is found by the writing itself,
 * so that of two who add the same at once one adds it, and the other is told or goes on with what it finds.
 */
import { isDeepStrictEqual } from 'node:util'
import { type DomainError, IdTaken, Unavailable } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Chunked, chunksWrite } from './chunks-write.ts'
import type { CollectionValues } from './collection.ts'
import { documentsChanged } from './collection.ts'
import { charactersIn, type DocumentInput, distinctTags } from './document.ts'
import { DocumentExists, DocumentRepeated } from './search-errors.ts'

/** What becomes of a document whose external id is there: the new one is refused, or takes its place, or is left out. */
export type IfExists = 'FAIL' | 'REPLACE' | 'KEEP'

export type Outcome = 'ADDED' | 'UPDATED' | 'UNCHANGED' | 'KEPT'

export type Written = { documentId: string; outcome: Outcome } | { fault: DomainError }

/** A document as it shall be. */
export interface Wanted extends Omit<DocumentInput, 'id'> {
  id: string
}

interface Existing {
  id: string
  externalId: string | null
  title: string | null
  content: string
  metadata: unknown
}

/** In the order of the inputs. The collection must be kept. */
export async function documentsWrite(work: Work, collection: CollectionValues, inputs: readonly DocumentInput[], ifExists: IfExists): Promise<Written[]> {
  const written: (Written | null)[] = repeated(inputs)
  const wanted = inputs
    .map((input, index) => ({ ...input, id: input.id ?? newId(), index, hasId: input.id !== undefined }))
    .filter(({ index }) => !written[index])
  const added = await insert(work, collection, wanted)
  const rest = wanted.filter(({ id }) => !added.has(id))
  const found = await existing(work, collection, rest)
  const updated: { input: Wanted; before: Existing }[] = []
  for (const input of wanted) {
    const before = found.get(input.externalId ?? '')
    if (added.has(input.id)) written[input.index] = { documentId: input.id, outcome: 'ADDED' }
    else if (!before) written[input.index] = { fault: await whyNot(work, input.id) }
    else if (ifExists === 'FAIL') written[input.index] = { fault: new DocumentExists(before.id) }
    else if (ifExists === 'KEEP') written[input.index] = { documentId: before.id, outcome: 'KEPT' }
    else updated.push({ input: { ...input, id: before.id }, before })
  }
  const changed = await replace(work, updated)
  for (const input of wanted)
    written[input.index] ??= { documentId: found.get(input.externalId!)!.id, outcome: changed.has(found.get(input.externalId!)!.id) ? 'UPDATED' : 'UNCHANGED' }
  const news = wanted.filter(({ id }) => added.has(id))
  await tagsWrite(work, collection, news)
  await chunksWrite(work, collection, [
    ...news.map((input): Chunked => ({ ...input, isNew: true, isRetitled: true })),
    ...updated
      .filter(({ input }) => changed.has(input.id))
      .map(({ input, before }): Chunked => ({ ...input, isNew: false, isRetitled: (input.title ?? null) !== before.title })),
  ])
  if (changed.size)
    await tagsWrite(
      work,
      collection,
      updated.map(({ input }) => input).filter(({ id }) => changed.has(id)),
    )
  documentsChanged(work, collection, { added: news.map(({ id }) => id), updated: [...changed], deleted: [] })
  return written as Written[]
}

/** Of those with the same id or external id in one batch, the first counts. */
function repeated(inputs: readonly DocumentInput[]): (Written | null)[] {
  const places = { id: new Map<string, number>(), externalId: new Map<string, number>() }
  return inputs.map((input, index) => {
    for (const field of ['id', 'externalId'] as const) {
      const value = input[field]
      const first = value === undefined ? undefined : places[field].get(value)
      if (first !== undefined) return { fault: new DocumentRepeated(first, field) }
      if (value !== undefined) places[field].set(value, index)
    }
    return null
  })
}

const asText = <T>(rows: readonly T[], value: (row: T) => string | null | undefined) => ({
  kind: 'text' as const,
  values: rows.map((row) => value(row) ?? null),
})

/** Those that were not there; in one order everywhere, so that no two wait in a circle. */
async function insert(work: Work, { id: collectionId, ownerId }: CollectionValues, wanted: readonly Wanted[]): Promise<Set<string>> {
  if (!wanted.length) return new Set()
  const rows = [...wanted].sort((a, b) => ((a.externalId ?? a.id) < (b.externalId ?? b.id) ? -1 : 1))
  const inserted = await work.rows<{ id: string }>(Prisma.sql`
    INSERT INTO "SearchDocument" ("id", "collectionId", "ownerId", "externalId", "title", "content", "metadata", "length", "createdAtMs", "updatedAtMs")
    SELECT "new"."id", ${collectionId}, ${ownerId}, "new"."externalId", "new"."title", "new"."content", ${work.sql.asJson(Prisma.sql`"new"."metadata"`)}, "new"."length", "now"."ms", "now"."ms"
    FROM ${work.sql.table('new', {
      id: asText(rows, ({ id }) => id),
      externalId: asText(rows, ({ externalId }) => externalId),
      title: asText(rows, ({ title }) => title),
      content: asText(rows, ({ content }) => content),
      metadata: asText(rows, ({ metadata }) => JSON.stringify(metadata ?? {})),
      length: { kind: 'integer', values: rows.map(({ content }) => charactersIn(content)) },
    })} CROSS JOIN (SELECT ${work.sql.nowMs} AS "ms") AS "now" WHERE TRUE ON CONFLICT DO NOTHING RETURNING "id"`)
  return new Set(inserted.map(({ id }) => id))
}

/** By external id; they stay as they are to the end of the transaction. */
async function existing(work: Work, { id: collectionId }: CollectionValues, wanted: readonly Wanted[]): Promise<Map<string, Existing>> {
  const named = wanted.filter(({ externalId }) => externalId !== undefined)
  if (!named.length) return new Map()
  const rows = await work.rows<Existing>(Prisma.sql`
    SELECT "id", "externalId", "title", "content", "metadata" FROM "SearchDocument" WHERE "collectionId" = ${collectionId}
      AND "externalId" IN (SELECT "externalId" FROM ${work.sql.table('wanted', { externalId: asText(named, ({ externalId }) => externalId) })})
    ORDER BY "externalId" ${work.sql.forUpdateOf('SearchDocument')}`)
  return new Map(rows.map((row) => [row.externalId!, row]))
}

async function whyNot(work: Work, id: string): Promise<DomainError> {
  const [taken] = await work.rows(Prisma.sql`SELECT "id" FROM "SearchDocument" WHERE "id" = ${id}`)
  if (taken) return new IdTaken('SearchDocument')
  throw new Unavailable('A document was removed in this very moment; try again.')
}

/** Those that are really other than before, which is told by their ids. */
async function replace(work: Work, updated: readonly { input: Wanted; before: Existing }[]): Promise<Set<string>> {
  if (!updated.length) return new Set()
  const tags = await tagsOf(
    work,
    updated.map(({ before }) => before.id),
  )
  const changed = updated.filter(
    ({ input, before }) =>
      input.content !== before.content ||
      (input.title ?? null) !== before.title ||
      !isDeepStrictEqual(input.metadata ?? {}, fromJson(before.metadata)) ||
      !isDeepStrictEqual(distinctTags(input.tags), tags.get(before.id) ?? []),
  )
  const inputs = changed.map(({ input }) => input)
  await documentsSet(work, inputs)
  return new Set(inputs.map(({ id }) => id))
}

/** What documents say from now on. */
export async function documentsSet(work: Work, inputs: readonly Wanted[]): Promise<void> {
  if (!inputs.length) return
  await work.execute(Prisma.sql`
    UPDATE "SearchDocument" SET "title" = "new"."title", "content" = "new"."content", "metadata" = ${work.sql.asJson(Prisma.sql`"new"."metadata"`)}, "length" = "new"."length", "updatedAtMs" = ${work.sql.nowMs}
    FROM ${work.sql.table('new', {
      id: asText(inputs, ({ id }) => id),
      title: asText(inputs, ({ title }) => title),
      content: asText(inputs, ({ content }) => content),
      metadata: asText(inputs, ({ metadata }) => JSON.stringify(metadata ?? {})),
      length: { kind: 'integer', values: inputs.map(({ content }) => charactersIn(content)) },
    })} WHERE "SearchDocument"."id" = "new"."id"`)
}

export async function tagsOf(work: Pick<Work, 'rows' | 'sql'>, documentIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = documentIds.length
    ? await work.rows<{ documentId: string; tag: string }>(Prisma.sql`SELECT "documentId", "tag" FROM "SearchTag"
        WHERE "documentId" IN (SELECT "id" FROM ${work.sql.table('of', { id: { kind: 'text', values: documentIds } })})`)
    : []
  const tags = new Map<string, string[]>()
  for (const { documentId, tag } of rows) tags.set(documentId, [...(tags.get(documentId) ?? []), tag])
  for (const list of tags.values()) list.sort()
  return tags
}

/** The tags of documents, in place of those that they have. */
export async function tagsWrite(
  work: Work,
  { id: collectionId }: Pick<CollectionValues, 'id'>,
  documents: readonly Pick<Wanted, 'id' | 'tags'>[],
): Promise<void> {
  if (!documents.length) return
  await work.execute(
    Prisma.sql`DELETE FROM "SearchTag" WHERE "documentId" IN (SELECT "id" FROM ${work.sql.table('of', { id: asText(documents, ({ id }) => id) })})`,
  )
  const rows = documents.flatMap(({ id, tags }) => distinctTags(tags).map((tag) => ({ id, tag })))
  for (let from = 0; from < rows.length; from += 5000) {
    const part = rows.slice(from, from + 5000)
    await work.execute(Prisma.sql`INSERT INTO "SearchTag" ("documentId", "tag", "collectionId")
      SELECT "new"."id", "new"."tag", ${collectionId} FROM ${work.sql.table('new', { id: asText(part, ({ id }) => id), tag: asText(part, ({ tag }) => tag) })}`)
  }
}
