/** The words of SQL that differ between the two databases. */
import { Prisma } from '../generated/sqlite/client.ts'

export type Dialect = 'sqlite' | 'postgresql'

export type ColumnKind = 'text' | 'integer' | 'bigint' | 'float' | 'boolean' | 'bytes'

export interface Column {
  kind: ColumnKind
  values: readonly unknown[]
}

export interface SqlWords {
  /** The database's own clock, as bigint milliseconds since 1970. Within a statement it may go on. */
  readonly nowMs: Prisma.Sql
  /** At the end of a SELECT: lock the rows found, and leave out those another transaction has. On SQLite there is one writer. */
  readonly forUpdateSkipLocked: Prisma.Sql
  /** At the end of a SELECT: lock the rows found. */
  readonly forUpdate: Prisma.Sql
  /** The same of one table among those selected from. */
  forUpdateOf(table: string): Prisma.Sql
  /** At the end of a SELECT: keep the rows of one table, as whoever refers to them does; they may be changed, but not removed. */
  forKeyShareOf(table: string): Prisma.Sql
  /** A text as a value of an enum of the models, where the database knows enums. */
  asEnum(name: string, value: Prisma.Sql | string): Prisma.Sql
  /** A value as the database keeps JSON. */
  json(value: unknown): Prisma.Sql
  /** A text that is JSON as the database keeps JSON. */
  asJson(text: Prisma.Sql): Prisma.Sql
  /** A text, to be compared and ordered by its bytes. */
  byBytes(text: Prisma.Sql): Prisma.Sql
  /** Whether a text matches a pattern of LIKE, whatever the case (of ASCII letters, on SQLite). A backslash escapes % and _. */
  likeIgnoringCase(text: Prisma.Sql, pattern: string): Prisma.Sql
  /**
   * Many rows as a table to select from: `FROM ${sql.table('chunk', {seq: {kind: 'integer', values: [1, 2]}, …})}`.
   * All columns have the same number of values, at least one; their order is kept by `ORDER BY` only.
   */
  table(alias: string, columns: Record<string, Column>): Prisma.Sql
}

const quoted = (word: string): string => `"${word.replaceAll('"', '""')}"`
const name = (word: string): Prisma.Sql => Prisma.raw(quoted(word))

const sqlite: SqlWords = {
  nowMs: Prisma.sql`CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
  forUpdateSkipLocked: Prisma.empty,
  forUpdate: Prisma.empty,
  forUpdateOf: () => Prisma.empty,
  forKeyShareOf: () => Prisma.empty,
  asEnum: (_name, value) => Prisma.sql`${value}`,
  json: (value) => Prisma.sql`${JSON.stringify(value) ?? 'null'}`,
  asJson: (text) => text,
  byBytes: (text) => text,
  likeIgnoringCase: (text, pattern) => Prisma.sql`${text} LIKE ${pattern} ESCAPE '\\'`,
  // Put together by hand: of nested fragments, a hundred rows take longer to join than to insert.
  table(alias, columns) {
    const lists = Object.values(columns)
    const names = Object.keys(columns).map((column, index) => `column${index + 1} AS ${quoted(column)}`)
    const strings = [`(SELECT ${names.join(', ')} FROM (VALUES (`]
    const values: unknown[] = []
    for (let row = 0; row < lists[0]!.values.length; row++) {
      for (const [index, list] of lists.entries()) {
        if (values.length) strings.push(index ? ', ' : '), (')
        values.push(list.values[row])
      }
    }
    strings.push(`))) AS ${quoted(alias)}`)
    return new Prisma.Sql(strings, values)
  },
}

const ARRAYS: Record<ColumnKind, string> = { text: 'text[]', integer: 'int4[]', bigint: 'int8[]', float: 'float8[]', boolean: 'bool[]', bytes: 'bytea[]' }

const postgresql: SqlWords = {
  // date_part answers a float, extract a numeric, which costs several times as much in a statement of a hundred rows.
  nowMs: Prisma.sql`(date_part('epoch', clock_timestamp()) * 1000)::bigint`,
  forUpdateSkipLocked: Prisma.sql`FOR UPDATE SKIP LOCKED`,
  forUpdate: Prisma.sql`FOR UPDATE`,
  forUpdateOf: (table) => Prisma.sql`FOR UPDATE OF ${name(table)}`,
  forKeyShareOf: (table) => Prisma.sql`FOR KEY SHARE OF ${name(table)}`,
  asEnum: (type, value) => Prisma.sql`${value}::${name(type)}`,
  json: (value) => Prisma.sql`${JSON.stringify(value) ?? 'null'}::text::jsonb`,
  asJson: (text) => Prisma.sql`${text}::jsonb`,
  byBytes: (text) => Prisma.sql`${text} COLLATE "C"`,
  likeIgnoringCase: (text, pattern) => Prisma.sql`${text} ILIKE ${pattern}`,
  // One array a column: the statement reads the same for any number of rows, so it is planned once.
  table(alias, columns) {
    const arrays = Object.values(columns).map(({ kind, values }) => Prisma.sql`${values}::${Prisma.raw(ARRAYS[kind])}`)
    return Prisma.sql`unnest(${Prisma.join(arrays)}) AS ${name(alias)}(${Prisma.join(Object.keys(columns).map(name))})`
  },
}

export const sqlWords: Record<Dialect, SqlWords> = { sqlite, postgresql }
