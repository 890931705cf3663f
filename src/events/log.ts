/**
 * The log of changes: what was committed, in the order it was committed.
 *
 * A position is taken out of one counter row by the last statement of each transaction, so the row's lock is held from
 * there to the commit: whoever has position n+1 began to take it after the holder of n was committed and visible. A
 * reader that has seen n can therefore never meet a smaller one later. Sequences do not promise that, and transaction
 * ids do not live through a dump.
 */

import { BadUserInput, CursorExpired } from '../core/errors.ts'
import { newId, toGlobalId } from '../core/ids.ts'
import type { Database } from '../db/database.ts'
import { fromJson } from '../db/statement-values.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ENTRY_COLUMNS, ENTRY_NAMES, entryArrays, entryTable } from './trail.ts'
import type { NewEvent, Work } from './work.ts'

export interface LoggedEvent {
  position: number
  occurredAtMs: number
  kind: string
  subjectType: string
  subjectId: string
  ownerId: string | null
  actorId: string | null
  data: Record<string, unknown>
}

export interface LogHead {
  logId: string
  position: number
  expiredThrough: number
}

const HEAD = 1

export async function ensureLog(database: Database): Promise<LogHead> {
  await database.client
    .$executeRaw`INSERT INTO "LogHead" ("id", "logId", "position", "expiredThrough") VALUES (${HEAD}, ${newLogId()}, 0, 0) ON CONFLICT ("id") DO NOTHING`
  return readHead(database)
}

/** A log brought back from a backup is another log: cursors given out since then must expire, not lie. */
export async function renewLog(database: Database): Promise<void> {
  await ensureLog(database)
  await database.client.logHead.update({ where: { id: HEAD }, data: { logId: newLogId() } })
}

const newLogId = () => newId().slice(-12)

export async function readHead(database: Database): Promise<LogHead> {
  const [head] = await database.rows<LogHead>(Prisma.sql`SELECT "logId", "position", "expiredThrough" FROM "LogHead" WHERE "id" = ${HEAD}`)
  if (!head) throw new Error('The log has no head.')
  return head
}

/** SQLite takes 32,766 values in a statement; an event has seven, and an entry of the trail fifteen. */
const ROWS_A_STATEMENT = 1000

/** Writes the collected events and entries. Must be the last thing a transaction does. Answers the events as they will be read. */
export async function appendEvents(work: Work, actorId: string | null): Promise<LoggedEvent[]> {
  const { events, entries, dialect } = work
  const texts = events.map((event) => JSON.stringify(event.data ?? {}))
  const columns = Prisma.sql`("position", "occurredAtMs", "kind", "subjectType", "subjectId", "ownerId", "actorId", "data")`
  const head = counted(work)
  if (dialect === 'postgresql') {
    const count = Prisma.sql`CAST(${events.length} AS BIGINT)`
    const written = Prisma.sql`, "written" AS (
        INSERT INTO "Event" ${columns}
        SELECT "head"."position" - ${count} + "n", "head"."nowMs", "kind", "subjectType", "subjectId", "ownerId", "actorId", CAST("data" AS JSONB)
        FROM "head", ROWS FROM (${Prisma.join(columnsOf(events, texts, actorId))}) WITH ORDINALITY
          AS "event"("kind", "subjectType", "subjectId", "ownerId", "actorId", "data", "n")
      )`
    const told = Prisma.sql`, "told" AS (
        INSERT INTO "AuditEntry" ${ENTRY_COLUMNS}
        SELECT "head"."entryPosition" - CAST(${entries.length} AS BIGINT) + "n", "head"."nowMs", ${ENTRY_NAMES}
        FROM "head", ROWS FROM (${Prisma.join(entryArrays(entries))}) WITH ORDINALITY AS "entry"(${ENTRY_NAMES}, "n")
      )`
    const [taken] = await work.rows<Taken>(Prisma.sql`
      WITH "head" AS (${head})${events.length ? written : Prisma.empty}${entries.length ? told : Prisma.empty}
      SELECT "position", "nowMs" FROM "head"`)
    return logged(events, texts, actorId, taken!)
  }
  const [taken] = await work.rows<Taken & { entryPosition: number }>(head)
  const { position: last, entryPosition: lastEntry, nowMs } = taken!
  for (let done = 0; done < events.length; done += ROWS_A_STATEMENT) {
    const end = done + ROWS_A_STATEMENT
    await work.execute(Prisma.sql`
      INSERT INTO "Event" ${columns}
      SELECT ${last - events.length + done} + "n", ${nowMs}, "kind", "subjectType", "subjectId", "ownerId", "actorId", "data"
      FROM ${eventTable(work, events.slice(done, end), texts.slice(done, end), actorId)}`)
  }
  for (let done = 0; done < entries.length; done += ROWS_A_STATEMENT)
    await work.execute(Prisma.sql`
      INSERT INTO "AuditEntry" ${ENTRY_COLUMNS}
      SELECT ${lastEntry - entries.length + done} + "n", ${nowMs}, ${ENTRY_NAMES} FROM ${entryTable(work, entries.slice(done, done + ROWS_A_STATEMENT))}`)
  return logged(events, texts, actorId, taken!)
}

/** Takes the positions. */
function counted({ events, entries, sql }: Work): Prisma.Sql {
  const moved = [
    ...(events.length ? [Prisma.sql`"position" = "position" + CAST(${events.length} AS BIGINT)`] : []),
    ...(entries.length ? [Prisma.sql`"entryPosition" = "entryPosition" + CAST(${entries.length} AS BIGINT)`] : []),
  ]
  return Prisma.sql`UPDATE "LogHead" SET ${Prisma.join(moved)} WHERE "id" = ${Prisma.raw(String(HEAD))} RETURNING "position", "entryPosition", ${sql.nowMs} AS "nowMs"`
}

/** What the counter answered: the last position taken, and when. */
interface Taken {
  position: number
  nowMs: number
}

const logged = (events: readonly NewEvent[], texts: readonly string[], actorId: string | null, { position, nowMs }: Taken): LoggedEvent[] =>
  events.map((event, i) => written(event, texts[i]!, event.actorId ?? actorId, position - events.length + 1 + i, nowMs))

/** An event as this process has written it. Most are never looked into, so that its data is read only when asked for: the text that stands in the log, no more and no less. */
function written(
  { kind, subjectType, subjectId, ownerId }: NewEvent,
  text: string,
  actorId: string | null,
  position: number,
  occurredAtMs: number,
): LoggedEvent {
  let read: Record<string, unknown> | undefined
  return {
    position,
    occurredAtMs,
    kind,
    subjectType,
    subjectId,
    ownerId,
    actorId,
    get data() {
      read ??= JSON.parse(text) as Record<string, unknown>
      return read
    },
  }
}

/** What no JSON text holds as it is: control characters are escaped in it. */
const BETWEEN = String.fromCharCode(30)

/** The events as columns. Their data is one text that is cut up again: as an array each would be escaped, and as one JSON read three times. */
function columnsOf(events: readonly NewEvent[], texts: readonly string[], actorId: string | null): Prisma.Sql[] {
  const columns = [
    events.map(({ kind }) => kind),
    events.map(({ subjectType }) => subjectType),
    events.map(({ subjectId }) => subjectId),
    events.map(({ ownerId }) => ownerId),
    events.map(({ actorId: own }) => own ?? actorId),
  ]
  return [
    ...columns.map((values) => Prisma.sql`unnest(CAST(${values} AS TEXT[]))`),
    Prisma.sql`unnest(string_to_array(CAST(${texts.join(BETWEEN)} AS TEXT), CAST(${BETWEEN} AS TEXT)))`,
  ]
}

/** The events as a table to select from, numbered from 1. */
function eventTable({ sql }: Work, events: readonly NewEvent[], texts: readonly string[], actorId: string | null): Prisma.Sql {
  const text = (value: (event: NewEvent) => string | null) => ({ kind: 'text' as const, values: events.map(value) })
  return sql.table('event', {
    n: { kind: 'integer', values: events.map((_event, i) => i + 1) },
    kind: text((event) => event.kind),
    subjectType: text((event) => event.subjectType),
    subjectId: text((event) => event.subjectId),
    ownerId: text((event) => event.ownerId),
    actorId: text((event) => event.actorId ?? actorId),
    data: { kind: 'text', values: texts },
  })
}

/** Which events a reader wants. All that is given must hold. */
export interface EventMatch {
  ownerId?: string
  subjectId?: string
  /** Global ids. */
  subjects?: readonly string[]
  subjectType?: string
  kinds?: readonly string[]
}

export const matchesEvent = (match: EventMatch, event: LoggedEvent): boolean =>
  (match.ownerId === undefined || event.ownerId === match.ownerId) &&
  (match.subjectId === undefined || event.subjectId === match.subjectId) &&
  (match.subjects === undefined || match.subjects.includes(toGlobalId(event.subjectType, event.subjectId))) &&
  (match.subjectType === undefined || event.subjectType === match.subjectType) &&
  (match.kinds === undefined || match.kinds.includes(event.kind))

/** `ofSubjects`: the subject stands in the statement. */
function conditionsOf(match: EventMatch, ofSubjects = match.subjectId !== undefined || match.subjects !== undefined): Prisma.Sql[] {
  const conditions: Prisma.Sql[] = []
  // Not the bare column where there is a subject: SQLite would go through all events of the owner for the few of the subject.
  if (match.ownerId !== undefined) conditions.push(ofSubjects ? Prisma.sql`"ownerId" || '' = ${match.ownerId}` : Prisma.sql`"ownerId" = ${match.ownerId}`)
  if (match.subjectId !== undefined) conditions.push(Prisma.sql`"subjectId" = ${match.subjectId}`)
  if (match.subjects !== undefined) {
    // The ids alone for the index, then the whole: the id of a task says nothing about a stream.
    const ids = match.subjects.map((subject) => subject.slice(subject.indexOf(':') + 1))
    if (!ids.length) conditions.push(Prisma.sql`1 = 0`)
    else conditions.push(Prisma.sql`"subjectId" IN (${Prisma.join(ids)}) AND "subjectType" || ':' || "subjectId" IN (${Prisma.join([...match.subjects])})`)
  }
  if (match.subjectType !== undefined) conditions.push(Prisma.sql`"subjectType" = ${match.subjectType}`)
  if (match.kinds !== undefined) conditions.push(match.kinds.length ? Prisma.sql`"kind" IN (${Prisma.join([...match.kinds])})` : Prisma.sql`1 = 0`)
  return conditions
}

interface Extent {
  before?: number
  backwards?: boolean
}

type EventRow = Omit<LoggedEvent, 'data'> & { data: unknown }

function selectEvents(after: number, match: EventMatch, limit: number, { before, backwards = false }: Extent): Prisma.Sql {
  const conditions = [Prisma.sql`"position" > ${after}`, ...conditionsOf(match)]
  if (before !== undefined) conditions.push(Prisma.sql`"position" < ${before}`)
  return Prisma.sql`SELECT "position", "occurredAtMs", "kind", "subjectType", "subjectId", "ownerId", "actorId", "data" FROM "Event"
      WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY "position" ${backwards ? Prisma.sql`DESC` : Prisma.sql`ASC`} LIMIT ${limit}`
}

const toEvent = (row: EventRow): LoggedEvent => ({
  ...row,
  data: fromJson(row.data),
})

/** The events that match after a position and before another one: the first of them in order or, `backwards`, the last in reverse. */
export async function readEvents(database: Database, after: number, match: EventMatch, limit: number, extent: Extent = {}): Promise<LoggedEvent[]> {
  return (await database.rows<EventRow>(selectEvents(after, match, limit, extent))).map(toEvent)
}

/** The same for each of many subjects, by one statement. */
export async function readEventsOfEach(
  database: Database,
  subjectIds: readonly string[],
  after: number,
  match: EventMatch,
  limit: number,
  extent: Extent = {},
): Promise<Map<string, LoggedEvent[]>> {
  const each = subjectIds.map((subjectId) => Prisma.sql`SELECT * FROM (${selectEvents(after, { ...match, subjectId }, limit, extent)}) AS "part"`)
  const events = (await database.rows<EventRow>(Prisma.join(each, ' UNION ALL '))).map(toEvent)
  events.sort((a, b) => (extent.backwards ? b.position - a.position : a.position - b.position))
  return new Map(subjectIds.map((subjectId) => [subjectId, events.filter((event) => event.subjectId === subjectId)]))
}

/** As `readEvents`, for whoever must not miss any: `CURSOR_EXPIRED` where the log does not hold all that came after the position. */
export async function readEventsAfter(...read: Parameters<typeof readEvents>): Promise<LoggedEvent[]> {
  const events = await readEvents(...read)
  const [database, after] = read
  // Looked at after the events: what retention cut meanwhile may be missing from them.
  if (after < (await readHead(database)).expiredThrough) throw new CursorExpired()
  return events
}

/** How many events match. */
export async function countEvents(database: Database, match: EventMatch): Promise<number> {
  const [row] = await database.rows<{ count: number }>(
    Prisma.sql`SELECT COUNT(*) AS "count" FROM "Event" WHERE ${Prisma.join([Prisma.sql`1 = 1`, ...conditionsOf(match)], ' AND ')}`,
  )
  return row!.count
}

/** How many events match of each of many subjects. */
export async function countEventsOfEach(database: Database, subjectIds: readonly string[], match: EventMatch): Promise<Map<string, number>> {
  const conditions = [Prisma.sql`"subjectId" IN (${Prisma.join([...subjectIds])})`, ...conditionsOf(match, true)]
  const rows = await database.rows<{ subjectId: string; count: number }>(
    Prisma.sql`SELECT "subjectId", COUNT(*) AS "count" FROM "Event" WHERE ${Prisma.join(conditions, ' AND ')} GROUP BY "subjectId"`,
  )
  return new Map(rows.map((row) => [row.subjectId, row.count]))
}

/** A cursor is the log's id and a position. */
export const toCursor = (logId: string, position: number): string => `${logId}.${position}`

const CURSOR = /^([0-9a-f]{12})\.(\d{1,15})$/

/** The position a cursor stands for; `CURSOR_EXPIRED` where this log cannot continue from it. */
export function fromCursor(cursor: string, head: LogHead, path: string[] | null = null): number {
  const [, logId, digits] = CURSOR.exec(cursor) ?? []
  if (!logId) throw new BadUserInput('This is not a cursor of the log.', path)
  const position = Number(digits)
  if (logId !== head.logId || position < head.expiredThrough || position > head.position) throw new CursorExpired()
  return position
}
