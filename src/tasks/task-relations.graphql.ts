/** What a task has to do with other tasks, and the attempts it has had. */
import { toDate, toDateOrNull } from '../core/clock.ts'
import { builder } from '../graphql/builder.ts'
import { readRelated } from '../graphql/related.ts'
import { siblings } from '../graphql/siblings.ts'
import { type AttemptRow, readAttempts } from './attempts-read.ts'
import { TaskPages, TaskRef } from './task.graphql.ts'
import { DependencyFailureEnum } from './task-creation.graphql.ts'

const OLDEST_FIRST = [{ column: 'createdAtMs', kind: 'bigint', direction: 'ASC' }] as const

const AttemptOutcomeEnum = builder.enumType('AttemptOutcome', {
  description: 'How an attempt ended.',
  values: {
    COMPLETED: { description: 'Well, and the task with it.' },
    FAILED: { description: 'Its worker said that it failed.' },
    CANCELLED: { description: 'By request.' },
    TIMED_OUT: { description: 'Its time was over.' },
    LOST: { description: 'Its worker was not heard of any more.' },
    RELEASED: { description: 'Its worker gave it back unfinished.' },
    WAITED: { description: 'It gave its place up until the task’s children have ended.' },
  },
})

const TaskAttempt = builder.objectRef<AttemptRow>('TaskAttempt').implement({
  description: 'One run of a task.',
  fields: (t) => ({
    number: t.exposeInt('attempt', { description: '1 for the first.' }),
    worker: t.exposeString('worker', { nullable: true, description: 'Who ran it.' }),
    outcome: t.field({ type: AttemptOutcomeEnum, nullable: true, description: 'How it ended; null while it runs.', resolve: (attempt) => attempt.outcome }),
    error: t.exposeString('error', { nullable: true, description: 'Why it ended as it did, where it did not end well.' }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: (attempt) => toDate(attempt.startedAtMs) }),
    endedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended; null while it runs.',
      resolve: (attempt) => toDateOrNull(attempt.endedAtMs),
    }),
    durationMs: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'How long it took, in milliseconds; null while it runs.',
      resolve: (attempt) => (attempt.endedAtMs === null ? null : Number(attempt.endedAtMs) - Number(attempt.startedAtMs)),
    }),
  }),
})

builder.prismaObjectFields('Task', (t) => ({
  parent: t.relation('parent', { nullable: true, description: 'The task that it is a part of.' }),
  children: t.connection(
    {
      type: TaskRef,
      description: 'The tasks that are parts of it, oldest first.',
      resolve: (task, args, ctx, info) =>
        readRelated(ctx, info, task.id, {
          typeName: 'Task',
          table: 'Task',
          parent: 'parentId',
          order: OLDEST_FIRST,
          args,
          delegate: (c) => c.db.task as never,
        }) as never,
    },
    ...TaskPages,
  ),
  dependsOn: t.connection(
    {
      type: TaskRef,
      description: 'The tasks that it waits for, or has waited for, oldest first.',
      resolve: (task, args, ctx, info) =>
        readRelated(ctx, info, task.id, {
          typeName: 'Task',
          table: 'Task',
          parent: 'taskId',
          link: { table: 'TaskDependency', column: 'dependsOnId' },
          order: OLDEST_FIRST,
          args,
          delegate: (c) => c.db.task as never,
        }) as never,
    },
    ...TaskPages,
  ),
  dependents: t.connection(
    {
      type: TaskRef,
      description: 'The tasks that wait for it, or have waited, oldest first.',
      resolve: (task, args, ctx, info) =>
        readRelated(ctx, info, task.id, {
          typeName: 'Task',
          table: 'Task',
          parent: 'dependsOnId',
          link: { table: 'TaskDependency', column: 'taskId' },
          order: OLDEST_FIRST,
          args,
          delegate: (c) => c.db.task as never,
        }) as never,
    },
    ...TaskPages,
  ),
  waitingFor: t.exposeInt('waitingFor', { description: 'How many tasks it waits for now.' }),
  onDependencyFailure: t.expose('onDependencyFailure', {
    type: DependencyFailureEnum,
    description: 'What becomes of it when one that it depends on does not end well.',
  }),
  attempts: t.field({
    type: [TaskAttempt],
    description: 'Its attempts, the last 100, in their order; the one that runs is the last.',
    resolve: (task, _args, ctx) => ctx.loader('Task.attempts', () => siblings<AttemptRow[]>((ids) => readAttempts(ctx.app.store.database, ids))).load(task.id),
  }),
}))
