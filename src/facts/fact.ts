/** A fact is a short text that somebody wants to be known later, with tags, and with what it was learnt from. */

import { fromJson } from '../db/statement-values.ts'
import { changedFrom } from '../events/changed.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** In characters. What is longer is a document. */
export const MAX_TEXT = 10_000
export const MAX_TAGS = 50
export const MAX_TAG = 100
export const MAX_METADATA_BYTES = 10_000

/** What an event about a fact carries, and what filters look at. */
export interface FactValues {
  id: string
  ownerId: string
  text: string
  /** Each once, in the order of their bytes. */
  tags: string[]
  metadata: unknown
  taskId: string | null
  messageId: string | null
  createdAtMs: number
  updatedAtMs: number
}

const ROW = ['id', 'ownerId', 'text', 'metadata', 'taskId', 'messageId', 'createdAtMs', 'updatedAtMs'] as const satisfies (keyof FactValues)[]
const COLUMNS = [...ROW, 'tags'] as const satisfies (keyof FactValues)[]

/** The columns of a fact, as a statement that writes it can give them: without its tags. */
export const FACT_ROW = Prisma.raw(ROW.map((column) => `"Fact"."${column}"`).join(', '))

/** The same with its tags. */
export const factValues = ({ dialect }: Pick<Work, 'dialect'>): Prisma.Sql =>
  Prisma.sql`${FACT_ROW}, ${dialect === 'postgresql' ? TAGS_POSTGRESQL : TAGS_SQLITE} AS "tags"`

const TAGS_POSTGRESQL = Prisma.raw(`(SELECT COALESCE(json_agg("tag" ORDER BY "tag"), '[]') FROM "FactTag" WHERE "factId" = "Fact"."id")`)
const TAGS_SQLITE = Prisma.raw(`(SELECT json_group_array("tag") FROM (SELECT "tag" FROM "FactTag" WHERE "factId" = "Fact"."id" ORDER BY "tag"))`)

export function toFactValues(row: Record<string, unknown>, tags = fromJson<string[]>(row.tags)): FactValues {
  const values = Object.fromEntries(ROW.map((column) => [column, row[column]])) as unknown as FactValues
  return { ...values, metadata: fromJson(row.metadata), tags }
}

/** Each once, by their bytes, as both databases order them. */
export const tagsInOrder = (tags: readonly string[]): string[] => [...new Set(tags)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

export type FactChange = 'CREATED' | 'UPDATED' | 'DELETED'

export function factChanged(work: Work, kind: FactChange, after: FactValues, before?: FactValues): void {
  const { id, ownerId, ...values } = after
  work.events.push({
    kind: `FACT_${kind}`,
    subjectType: 'Fact',
    subjectId: id,
    ownerId,
    data: { ...values, ...changedFrom(COLUMNS, before, after) },
  })
}
