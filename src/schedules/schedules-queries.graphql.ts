/** Reading and following schedules. */
import { ownedBy } from '../core/actor.ts'
import { filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import type { LiveEvent } from '../events/events.graphql.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, readPage } from '../graphql/connection.ts'
import { type Followed, followMany, followOne } from '../graphql/follow-entity.ts'
import { SchedulePages, ScheduleRef } from './schedule.graphql.ts'
import { SCHEDULE_VALUES, toScheduleValues } from './schedule.ts'
import { ScheduleEvent } from './schedule-event.graphql.ts'
import { SCHEDULE_FILTER_FIELDS } from './schedule-filter.ts'
import { ScheduleFilter, ScheduleOrder } from './schedule-list.graphql.ts'

builder.queryFields((t) => ({
  schedule: t.prismaField({
    type: ScheduleRef,
    nullable: true,
    description: 'A schedule by its id; null where there is none that you may see.',
    ...rights('TASKS_READ'),
    args: { id: t.arg.id({ required: true, description: 'The schedule’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('Schedule', args.id, ['id'])
      return id ? ctx.db.schedule.findUnique({ ...query, where: { id, ...ownedBy(ctx.actor) } }) : null
    },
  }),
  schedules: t.connection(
    {
      type: ScheduleRef,
      description: 'Your schedules, for ADMINs everybody’s; newest first unless ordered otherwise.',
      ...rights('TASKS_READ'),
      args: {
        filter: t.arg({ type: ScheduleFilter, description: 'Which schedules.' }),
        orderBy: t.arg({ type: [ScheduleOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'Schedule',
          delegate: ctx.db.schedule as never,
          where: { AND: [filterWhere(args.filter, SCHEDULE_FILTER_FIELDS), ownedBy(ctx.actor)] },
          order: ScheduleOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...SchedulePages,
  ),
}))

const FOLLOWED_SCHEDULE: Followed = { typeName: 'Schedule', kind: 'SCHEDULE', values: SCHEDULE_VALUES, toValues: toScheduleValues }

builder.subscriptionFields((t) => ({
  scheduleUpdated: t.field({
    type: ScheduleEvent,
    description: 'One schedule: how it stands (SNAPSHOT) unless `after` is given, then every change of it, none missing, none twice, until it is DELETED.',
    ...rights('TASKS_READ'),
    args: {
      id: t.arg.id({ required: true, description: 'The schedule’s id.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this place, without a snapshot.' }),
    },
    subscribe: (_root, args, ctx) => followOne(ctx, FOLLOWED_SCHEDULE, args),
    resolve: (event) => event as LiveEvent,
  }),
  schedulesUpdated: t.field({
    type: ScheduleEvent,
    description:
      'Every change of your schedules (for ADMINs of everybody’s) that matched the filter before it or match it after it, from `after` on, or from now.',
    ...rights('TASKS_READ'),
    args: {
      filter: t.arg({ type: ScheduleFilter, description: 'Which schedules.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this place. Left out: from now on.' }),
    },
    subscribe: (_root, args, ctx) => followMany(ctx, FOLLOWED_SCHEDULE, SCHEDULE_FILTER_FIELDS, args),
    resolve: (event) => event as LiveEvent,
  }),
}))
