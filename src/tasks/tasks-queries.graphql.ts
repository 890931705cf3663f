/** Reading and following tasks. */
import { ownedBy } from '../core/actor.ts'
import { filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import type { LiveEvent } from '../events/events.graphql.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, readPage } from '../graphql/connection.ts'
import { type Followed, followMany, followOne } from '../graphql/follow-entity.ts'
import { TaskPages, TaskRef } from './task.graphql.ts'
import { TASK_VALUES, toTaskValues } from './task.ts'
import { TaskEvent } from './task-event.graphql.ts'
import { TASK_FILTER_FIELDS } from './task-filter.ts'
import { TaskFilter, TaskOrder } from './task-list.graphql.ts'

builder.queryFields((t) => ({
  task: t.prismaField({
    type: TaskRef,
    nullable: true,
    description: 'A task by its id; null where there is none that you may see.',
    ...rights('TASKS_READ'),
    args: { id: t.arg.id({ required: true, description: 'The task’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('Task', args.id, ['id'])
      return id ? ctx.db.task.findUnique({ ...query, where: { id, ...ownedBy(ctx.actor) } }) : null
    },
  }),
  tasks: t.connection(
    {
      type: TaskRef,
      description: 'Your tasks, for ADMINs everybody’s; newest first unless ordered otherwise.',
      ...rights('TASKS_READ'),
      args: {
        filter: t.arg({ type: TaskFilter, description: 'Which tasks.' }),
        orderBy: t.arg({ type: [TaskOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'Task',
          delegate: ctx.db.task as never,
          where: { AND: [filterWhere(args.filter, TASK_FILTER_FIELDS), ownedBy(ctx.actor)] },
          order: TaskOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...TaskPages,
  ),
}))

const FOLLOWED_TASK: Followed = { typeName: 'Task', kind: 'TASK', values: TASK_VALUES, toValues: toTaskValues }

builder.subscriptionFields((t) => ({
  taskUpdated: t.field({
    type: TaskEvent,
    description: 'One task: how it stands (SNAPSHOT) unless `after` is given, then every change of it, none missing, none twice, until it is DELETED.',
    ...rights('TASKS_READ'),
    args: {
      id: t.arg.id({ required: true, description: 'The task’s id.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this place, without a snapshot.' }),
    },
    subscribe: (_root, args, ctx) => followOne(ctx, FOLLOWED_TASK, args),
    resolve: (event) => event as LiveEvent,
  }),
  tasksUpdated: t.field({
    type: TaskEvent,
    description: 'Every change of your tasks (for ADMINs of everybody’s) that matched the filter before it or match it after it, from `after` on, or from now.',
    ...rights('TASKS_READ'),
    args: {
      filter: t.arg({ type: TaskFilter, description: 'Which tasks.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this place. Left out: from now on.' }),
    },
    subscribe: (_root, args, ctx) => followMany(ctx, FOLLOWED_TASK, TASK_FILTER_FIELDS, args),
    resolve: (event) => event as LiveEvent,
  }),
}))
