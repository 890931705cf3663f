/** The log of changes, to read and to follow. */
import type { GraphQLResolveInfo } from 'graphql'
import { actorId, ownedBy, seesAll } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { BadUserInput, CursorExpired } from '../core/errors.ts'
import { fromGlobalId, toGlobalId } from '../core/ids.ts'
import { type PageArgs, pageLimit } from '../core/page.ts'
import { builder, rights, type SchemaTypes, weighs } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { loadNodes } from '../graphql/node.ts'
import { siblings } from '../graphql/siblings.ts'
import { follow, live, startOf } from './live.ts'
import {
  countEvents,
  countEventsOfEach,
  type EventMatch,
  fromCursor,
  type LoggedEvent,
  type LogHead,
  readEvents,
  readEventsAfter,
  readEventsOfEach,
  readHead,
  toCursor,
} from './log.ts'

export const eventCursorOf = (ctx: Context, event: Pick<LoggedEvent, 'position'>): string => toCursor(ctx.app.store.logId, event.position)

/** A logged event with what a transport needs. */
export type LiveEvent = LoggedEvent & { sseId: string }

export const withCursor = (ctx: Context, event: LoggedEvent): LiveEvent => ({ ...event, sseId: eventCursorOf(ctx, event) })

/** Who caused an event. Siblings are read together. */
export const actorField = (t: PothosSchemaTypes.ObjectFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, LoggedEvent>) =>
  t.prismaField({
    type: 'User',
    nullable: true,
    description: 'Who caused it; null where the server did, or somebody you may not see.',
    resolve: (query, event, _args, ctx) =>
      event.actorId && (seesAll(ctx.actor) || event.actorId === actorId(ctx.actor)) ? ctx.db.user.findUnique({ ...query, where: { id: event.actorId } }) : null,
  })

const Event = builder.objectRef<LoggedEvent>('Event').implement({
  description: 'A change of state, as it stands in the log. Events outlive what they are about.',
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place in the log: follow from here with `after`.',
      resolve: (event, _args, ctx) => eventCursorOf(ctx, event),
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it was committed, by the database’s clock.', resolve: (event) => toDate(event.occurredAtMs) }),
    kind: t.exposeString('kind', { description: 'What happened, as `TASK_STARTED`.' }),
    subjectId: t.id({ description: 'The id of what it happened to.', resolve: (event) => toGlobalId(event.subjectType, event.subjectId) }),
    subject: t.field({
      type: builder.nodeInterfaceRef() as never,
      nullable: true,
      description: 'What it happened to, as it is now; null once it is deleted.',
      resolve: async (event, _args, ctx, info) =>
        ((await loadNodes(ctx, info, [toGlobalId(event.subjectType, event.subjectId)], ['subject']))[0] ?? null) as never,
    }),
    actor: actorField(t),
    data: t.field({
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      description: 'The values after the change; under `before` those that were other before it. Times are milliseconds since 1970.',
      resolve: (event) => event.data,
    }),
  }),
})

const EventPages = pagesOf(Event, 'Event', 'events')

const EventFilter = builder.inputType('EventFilter', {
  description: 'Which events; all conditions that are given must hold.',
  fields: (t) => ({
    kind: t.stringList({ description: 'One of these kinds, as `TASK_STARTED`. At most 100.' }),
    subjectId: t.idList({ description: 'About one of these. At most 100.' }),
    subjectType: t.string({ description: 'About things of this type, as `Task`.' }),
  }),
})

function matchOf(ctx: Context, filter: typeof EventFilter.$inferInput | null | undefined): EventMatch {
  const tooMany = [filter?.kind, filter?.subjectId].some((list) => (list?.length ?? 0) > 100)
  if (tooMany) throw new BadUserInput('At most 100 values in a condition.', ['filter'])
  for (const globalId of filter?.subjectId ?? []) fromGlobalId(globalId, ['filter', 'subjectId'])
  return {
    ...ownedBy(ctx.actor),
    ...(filter?.kind && { kinds: filter.kind }),
    ...(filter?.subjectId && { subjects: filter.subjectId }),
    ...(filter?.subjectType != null && { subjectType: filter.subjectType }),
  }
}

/** A page of the log, oldest first. */
export async function readEventPage(ctx: Context, match: EventMatch, args: PageArgs) {
  const { database } = ctx.app.store
  const plan = planPage(await readHead(database), args)
  // Without `after` it is the oldest that there are, whatever retention cuts meanwhile.
  const read = args.after ? readEventsAfter : readEvents
  const rows = await read(database, plan.after, match, plan.limit + 1, plan)
  return { ...toPage(rows, plan, args), totalCount: () => countEvents(database, match) }
}

/** A page of the log for an entity that may be one of many in a list: siblings that ask the same share one reading. */
export async function readSubjectEvents(ctx: Context, info: GraphQLResolveInfo, subjectId: string, match: EventMatch, args: PageArgs) {
  const { database } = ctx.app.store
  const key = `events:${JSON.stringify(match)}:${info.fieldNodes[0]?.loc?.start}:${JSON.stringify(args)}`
  const pages = ctx.loader(key, () => {
    return siblings(async (subjectIds) => {
      const plan = planPage(await readHead(database), args)
      const rows = await readEventsOfEach(database, subjectIds, plan.after, match, plan.limit + 1, plan)
      if (args.after && plan.after < (await readHead(database)).expiredThrough) throw new CursorExpired()
      return subjectIds.map((id) => toPage(rows.get(id)!, plan, args))
    })
  })
  const counts = ctx.loader(`${key}:count`, () => {
    return siblings(async (subjectIds) => {
      const found = await countEventsOfEach(database, subjectIds, match)
      return subjectIds.map((id) => found.get(id) ?? 0)
    })
  })
  return { ...(await pages.load(subjectId)), totalCount: () => counts.load(subjectId) }
}

interface Plan {
  logId: string
  after: number
  before: number
  backwards: boolean
  limit: number
}

function planPage(head: LogHead, args: PageArgs): Plan {
  return {
    logId: head.logId,
    limit: pageLimit(args),
    after: args.after ? fromCursor(args.after, head, ['after']) : head.expiredThrough,
    before: args.before ? fromCursor(args.before, head, ['before']) : head.position + 1,
    backwards: args.last != null,
  }
}

function toPage(rows: readonly LoggedEvent[], { logId, limit, backwards }: Plan, args: PageArgs) {
  const page = rows.slice(0, limit)
  if (backwards) page.reverse()
  const edges = page.map((event) => ({ cursor: toCursor(logId, event.position), node: event }))
  return {
    edges,
    pageInfo: {
      hasNextPage: backwards ? args.before != null : rows.length > limit,
      hasPreviousPage: backwards ? rows.length > limit : args.after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges[edges.length - 1]?.cursor ?? null,
    },
  }
}

builder.queryFields((t) => ({
  eventCursor: t.field({
    type: 'Cursor',
    description: 'Where the log stood before the rest of this operation was read: follow from here with `after` and miss nothing of it.',
    ...rights('USER'),
    resolve: async (_root, _args, ctx) => {
      if (ctx.eventCursor) return ctx.eventCursor
      const head = await readHead(ctx.app.store.database)
      return toCursor(head.logId, head.position)
    },
  }),
  events: t.connection(
    {
      type: Event,
      description: 'The log of changes, oldest first: your own; for ADMINs everybody’s.',
      ...rights('EVENTS_READ'),
      args: { filter: t.arg({ type: EventFilter, description: 'Which events.' }) },
      resolve: (_root, args, ctx) => readEventPage(ctx, matchOf(ctx, args.filter), args) as never,
    },
    ...EventPages,
  ),
}))

builder.subscriptionFields((t) => ({
  events: t.field({
    type: Event,
    description: 'Every event after `after`, or from now on, in the order of the log: none missing, none twice.',
    ...rights('EVENTS_READ'),
    args: {
      after: t.arg({ type: 'Cursor', description: 'Go on after this place. Left out: from now on.' }),
      filter: t.arg({ type: EventFilter, description: 'Which events.' }),
    },
    subscribe: async (_root, args, ctx) => {
      const { store } = ctx.app
      const match = matchOf(ctx, args.filter)
      const after = await startOf(store, ctx.lastEventId ?? args.after)
      return live(ctx.signal, async function* (signal) {
        for await (const event of follow(store, after, match, signal)) yield withCursor(ctx, event)
      })
    },
    resolve: (event) => event as LiveEvent,
  }),
}))
