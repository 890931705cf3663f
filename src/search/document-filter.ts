/** What documents can be filtered by. */
import { type Filter, type FilterFields, filterCheck, idIn, moment } from '../core/filter.ts'
import { metadataAsked } from '../db/filter-metadata.ts'
import { filterSql } from '../db/filter-sql.ts'
import { tagsAsked } from '../db/filter-tags.ts'
import type { Dialect } from '../db/sql.ts'
import { Prisma } from '../generated/sqlite/client.ts'

const tagged = (tags: readonly string[]) =>
  Prisma.sql`EXISTS (SELECT 1 FROM "SearchTag" AS "tag" WHERE "tag"."documentId" = "document"."id" AND "tag"."tag" IN (${Prisma.join([...tags])}))`

const fieldsOf = (dialect: Dialect): FilterFields => ({
  collectionId: idIn('SearchCollection', 'collectionId'),
  externalId: { column: 'externalId' },
  title: { column: 'title' },
  tags: { column: 'tags', asked: tagsAsked(tagged) },
  metadata: { column: 'metadata', asked: metadataAsked(dialect) },
  createdAt: moment('createdAtMs'),
  updatedAt: moment('updatedAtMs'),
})

/** Refuses what is too large. `within`: what the filter stands in, where it is no argument by itself. */
export const documentFilterCheck = (dialect: Dialect, filter: Filter | null | undefined, within: readonly string[] = []): void =>
  filterCheck(filter, fieldsOf(dialect), within)

/** As SQL on `"document"`, of a filter that was checked. */
export const documentFilterSql = (dialect: Dialect, filter: Filter | null | undefined): Prisma.Sql => filterSql(filter, fieldsOf(dialect))
