/** What events say of the numbers of tasks: added up by the database, so that of thousands of events a few dozen rows are read. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Happened, MINUTE_MS } from './tally.ts'

export interface EventRange {
  /** Positions of the log: after this one … */
  after: number
  /** … and up to this one. */
  through: number
  /** Whose; left out: everybody's. */
  ownerIds?: readonly string[] | undefined
  types?: readonly string[] | undefined
}

/** They never change a status. What is not named here is looked at. */
const STEADY_KINDS = Prisma.raw(
  ['PROGRESSED', 'STREAM_OPENED', 'TOOL_CALLED', 'UPDATED', 'CANCEL_REQUESTED', 'DEPENDENCY_ENDED', 'ARCHIVED', 'UNARCHIVED']
    .map((kind) => `'TASK_${kind}'`)
    .join(', '),
)

const text = (path: string) => Prisma.raw(`"data"${path}`)
const number = (name: string) => Prisma.raw(`CAST("data"->>'${name}' AS BIGINT)`)

/** It waits for a worker since it was queued, or was due if that is later. */
const WAIT = Prisma.sql`${number('startedAtMs')} - (CASE WHEN ${number('runAtMs')} > ${number('queuedAtMs')} THEN ${number('runAtMs')} ELSE ${number('queuedAtMs')} END)`

export async function tallyEvents({ rows }: Pick<Work, 'rows'>, { after, through, ownerIds, types }: EventRange): Promise<Happened[]> {
  const found = await rows<Omit<Happened, 'spansMs'> & { spansMs: string | null }>(Prisma.sql`
    WITH "told" AS MATERIALIZED (
      SELECT "ownerId", "kind", "occurredAtMs" - "occurredAtMs" % ${Prisma.raw(`${MINUTE_MS}`)} AS "minuteMs",
        ${text(`->>'type'`)} AS "type", ${text(`->'before'->>'status'`)} AS "from", ${text(`->>'status'`)} AS "to",
        CASE WHEN "kind" = 'TASK_STARTED' THEN ${WAIT} WHEN ${text(`->>'status'`)} = 'COMPLETED' THEN ${number('durationMs')} END AS "ms"
      FROM "Event" WHERE "position" > ${after} AND "position" <= ${through} AND "subjectType" = 'Task' AND "kind" NOT IN (${STEADY_KINDS})
        ${only(Prisma.sql`"ownerId"`, ownerIds)} ${only(text(`->>'type'`), types)}
    )
    SELECT "ownerId", "type", "kind", "minuteMs", "from", "to", CAST(COUNT(*) AS BIGINT) AS "count", string_agg(CAST("ms" AS TEXT), ' ') AS "spansMs"
    FROM "told" WHERE "from" IS NOT NULL OR "kind" IN ('TASK_CREATED', 'TASK_DELETED')
    GROUP BY "ownerId", "type", "kind", "minuteMs", "from", "to"`)
  return found.map((row) => ({ ...row, spansMs: row.spansMs === null ? [] : row.spansMs.split(' ').map(Number) }))
}

const only = (column: Prisma.Sql, values: readonly string[] | undefined) =>
  !values ? Prisma.empty : values.length ? Prisma.sql`AND ${column} IN (${Prisma.join([...values])})` : Prisma.sql`AND 1 = 0`
