/** Reading and following tasks. */
import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import { filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { type LiveEvent, withCursor } from '../events/events.graphql.ts'
import { follow, live, startOf } from '../events/live.ts'
import { readEvents } from '../events/log.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, readPage } from '../graphql/connection.ts'
import { SEARCH_COST } from '../graphql/scale.ts'
import { TaskPages, TaskRef } from './task.graphql.ts'
import { TASK_VALUES, type TaskStatus, toTaskValues } from './task.ts'
import { TaskEvent } from './task-event.graphql.ts'
import { TASK_FILTER_FIELDS, taskEventMatches } from './task-filter.ts'
import { TaskFilter, TaskOrder } from './task-list.graphql.ts'
import { type TaskStats, taskStats } from './task-stats.ts'
import { TaskStatusEnum } from './task-status.graphql.ts'
import { paramsSchema, type TaskType } from './task-type.ts'

const TaskTypeRef = builder.objectRef<TaskType>('TaskType').implement({
  description: 'A kind of work that can be run here.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What `taskCreate` takes as `type`.' }),
    description: t.exposeString('description', { description: 'What it does.' }),
    paramsSchema: t.field({ type: 'JSON', nullable: true, description: 'The JSON Schema of its params.', resolve: (type) => paramsSchema(type) }),
  }),
})

const TaskStatsRef = builder.objectRef<TaskStats>('TaskStats').implement({
  description: 'Figures over many tasks.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'How many there are.' }),
    byStatus: t.field({
      type: [
        builder.objectRef<{ status: TaskStatus; count: number }>('TaskStatusCount').implement({
          description: 'How many tasks have a status.',
          fields: (f) => ({
            status: f.field({ type: TaskStatusEnum, description: 'The status.', resolve: (row) => row.status }),
            count: f.exposeInt('count', { description: 'How many.' }),
          }),
        }),
      ],
      description: 'How many are in each status.',
      resolve: (stats) => stats.byStatus,
    }),
    byType: t.field({
      type: [
        builder.objectRef<{ type: string; count: number }>('TaskTypeCount').implement({
          description: 'How many tasks are of a type.',
          fields: (f) => ({ type: f.exposeString('type', { description: 'The type.' }), count: f.exposeInt('count', { description: 'How many.' }) }),
        }),
      ],
      description: 'How many are of each type, most first.',
      resolve: (stats) => stats.byType,
    }),
    completionRate: t.exposeFloat('completionRate', { nullable: true, description: 'COMPLETED of all that ended, 0 to 1; null while none has.' }),
    meanDurationMs: t.exposeFloat('meanDurationMs', {
      nullable: true,
      description: 'Mean duration of the completed ones, in milliseconds; null while there are none.',
    }),
  }),
})

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
  taskStats: t.field({
    type: TaskStatsRef,
    description: 'Figures over your tasks, for ADMINs over everybody’s.',
    ...rights('TASKS_READ', SEARCH_COST),
    args: { filter: t.arg({ type: TaskFilter, description: 'Which tasks.' }) },
    resolve: (_root, args, ctx) => taskStats(ctx.reading, { AND: [filterWhere(args.filter, TASK_FILTER_FIELDS), ownedBy(ctx.actor)] }),
  }),
  taskTypes: t.field({
    type: [TaskTypeRef],
    description: 'What can be run here, with the JSON Schema of its params.',
    ...rights('TASKS_READ'),
    resolve: (_root, _args, ctx) => ctx.app.taskTypes.all,
  }),
}))

builder.subscriptionFields((t) => ({
  taskUpdated: t.field({
    type: TaskEvent,
    description: 'One task: how it stands (SNAPSHOT) unless `after` is given, then every change of it, none missing, none twice, until it is DELETED.',
    ...rights('TASKS_READ'),
    args: {
      id: t.arg.id({ required: true, description: 'The task’s id.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this place, without a snapshot.' }),
    },
    subscribe: async (_root, args, ctx) => {
      const { store } = ctx.app
      const id = idOf('Task', args.id, ['id'])
      // A client that connects again sends the same `after` as at first, and where it was by then as Last-Event-ID.
      const resumeAt = ctx.lastEventId ?? args.after
      const owner = ownedBy(ctx.actor)
      const resumedAt = resumeAt ? await startOf(store, resumeAt) : null
      // State and place by one statement: the snapshot is exactly what the events up to its cursor made.
      const [row] = id
        ? await store.database.rows<Record<string, unknown> & { position: number }>(
            Prisma.sql`SELECT ${TASK_VALUES}, (SELECT "position" FROM "LogHead" WHERE "LogHead"."id" = 1) AS "position" FROM "Task" WHERE "id" = ${id} ${owner.ownerId === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${owner.ownerId}`}`,
          )
        : []
      // Someone who resumes may ask after a task that is gone since; then the log still has that to tell.
      const isGone = async () =>
        resumedAt !== null && id !== null && (await readEvents(store.database, resumedAt, { subjectType: 'Task', subjectId: id, ...owner }, 1)).length > 0
      if (!id || !(row || (await isGone()))) throw new NotFound('Task', ['id'])
      const position = resumedAt ?? row!.position
      return live(ctx.signal, async function* (signal) {
        if (row && resumedAt === null) {
          const { id: subjectId, ownerId, ...data } = toTaskValues(row)
          yield withCursor(ctx, {
            position,
            occurredAtMs: store.clock.nowMs(),
            kind: 'TASK_SNAPSHOT',
            subjectType: 'Task',
            subjectId,
            ownerId,
            actorId: null,
            data,
          })
        }
        for await (const event of follow(store, position, { subjectType: 'Task', subjectId: id, ...owner }, signal)) {
          yield withCursor(ctx, event)
          if (event.kind === 'TASK_DELETED') return
        }
      })
    },
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
    subscribe: async (_root, args, ctx) => {
      const { store } = ctx.app
      filterWhere(args.filter, TASK_FILTER_FIELDS) // refuses what is too large before the first event
      const position = await startOf(store, ctx.lastEventId ?? args.after)
      return live(ctx.signal, async function* (signal) {
        for await (const event of follow(store, position, { subjectType: 'Task', ...ownedBy(ctx.actor) }, signal)) {
          if (taskEventMatches(args.filter, event)) yield withCursor(ctx, event)
        }
      })
    },
    resolve: (event) => event as LiveEvent,
  }),
}))
