/** What subscriptions to entities share: state first, then every change of it, none missing, none twice. */
import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import { type Filter, type FilterFields, filterCheck } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { eventMatches } from '../events/event-matches.ts'
import { type LiveEvent, withCursor } from '../events/events.graphql.ts'
import { follow, live, startOf } from '../events/live.ts'
import { readEvents } from '../events/log.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Context } from './context.ts'

export interface Followed {
  /** Its name in the schema, which is its table's; `<KIND>_SNAPSHOT` and `<KIND>_DELETED` are its first and last events. */
  typeName: string
  kind: string
  /** The columns that its events carry. */
  values: Prisma.Sql
  toValues(row: Record<string, unknown>): { id: string; ownerId: string }
  /** What must hold of it, besides whose it is, that it is there. */
  where?: Prisma.Sql
}

/** One entity: how it stands, unless `after` is given, then every change of it until it is deleted. */
export async function followOne(ctx: Context, { typeName, kind, values, toValues, where }: Followed, args: { id: string; after?: string | null | undefined }) {
  const { store } = ctx.app
  const id = idOf(typeName, args.id, ['id'])
  // A client that connects again sends the same `after` as at first, and where it was by then as Last-Event-ID.
  const resumeAt = ctx.lastEventId ?? args.after
  const owner = ownedBy(ctx.actor)
  const match = { subjectType: typeName, ...owner }
  const resumedAt = resumeAt ? await startOf(store, resumeAt) : null
  const table = Prisma.raw(`"${typeName}"`)
  // State and place by one statement: the snapshot is exactly what the events up to its cursor made.
  const [row] = id
    ? await store.database.rows<Record<string, unknown> & { position: number }>(
        Prisma.sql`SELECT ${values}, (SELECT "position" FROM "LogHead" WHERE "LogHead"."id" = 1) AS "position" FROM ${table}
          WHERE ${table}."id" = ${id} ${owner.ownerId === undefined ? Prisma.empty : Prisma.sql`AND ${table}."ownerId" = ${owner.ownerId}`}
          ${where ? Prisma.sql`AND ${where}` : Prisma.empty}`,
      )
    : []
  // Someone who resumes may ask after what is gone since; then the log still has that to tell.
  const isGone = async () => resumedAt !== null && id !== null && (await readEvents(store.database, resumedAt, { ...match, subjectId: id }, 1)).length > 0
  if (!id || !(row || (await isGone()))) throw new NotFound(typeName, ['id'])
  const position = resumedAt ?? row!.position
  return live<LiveEvent>(ctx.signal, async function* (signal) {
    if (row && resumedAt === null) {
      const { id: subjectId, ownerId, ...data } = toValues(row)
      yield withCursor(ctx, {
        position,
        occurredAtMs: store.clock.nowMs(),
        kind: `${kind}_SNAPSHOT`,
        subjectType: typeName,
        subjectId,
        ownerId,
        actorId: null,
        data,
      })
    }
    for await (const event of follow(store, position, { ...match, subjectId: id }, signal)) {
      yield withCursor(ctx, event)
      if (event.kind === `${kind}_DELETED`) return
    }
  })
}

interface Many {
  filter?: Filter | null | undefined
  after?: string | null | undefined
}

/** Every change of the actor's entities that matched the filter before it or match it after it, from `after` on or from now. */
export async function followMany(ctx: Context, { typeName }: Pick<Followed, 'typeName'>, fields: FilterFields, args: Many) {
  const { store } = ctx.app
  filterCheck(args.filter, fields) // refuses what is too large before the first event
  const position = await startOf(store, ctx.lastEventId ?? args.after)
  return live<LiveEvent>(ctx.signal, async function* (signal) {
    for await (const event of follow(store, position, { subjectType: typeName, ...ownedBy(ctx.actor) }, signal)) {
      if (eventMatches(args.filter, event, fields)) yield withCursor(ctx, event)
    }
  })
}
