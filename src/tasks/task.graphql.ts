/** The type Task, its events, and what it is filtered and ordered by. */
import { ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { toGlobalId } from '../core/ids.ts'
import { actorField, eventCursorOf, readSubjectEvents } from '../events/events.graphql.ts'
import type { LoggedEvent } from '../events/log.ts'
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { orderInput, pagesOf } from '../graphql/connection.ts'
import { comparators, DateTimeFilter, FloatFilter, filterInput, IdFilter, IntFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { nodeLoader } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { StreamPages, StreamRef } from '../streams/stream.graphql.ts'
import type { TaskStatus } from './task.ts'

export const TaskStatusEnum = builder.enumType('TaskStatus', {
  description: 'Where a task is in its life.',
  values: {
    CREATED: { description: 'Written down, not yet to be run; `taskRun` queues it.' },
    QUEUED: { description: 'Waits for a worker, and for `runAt`.' },
    RUNNING: { description: 'A worker holds it under a lease; a lease that is not renewed in time is taken over.' },
    COMPLETED: { description: 'Ended well; `result` is there. Final.' },
    FAILED: { description: 'Ended badly; `error` says why. Final until `taskRetry`.' },
    CANCELLED: { description: 'Ended by request. Final until `taskRetry`.' },
  },
})

export const Job = builder
  .interfaceRef<{
    status: TaskStatus
    progress: number | null
    error: string | null
    createdAtMs: bigint
    startedAtMs: bigint | null
    completedAtMs: bigint | null
  }>('Job')
  .implement({ description: 'Any long work: how it stands, and how far it is.', resolveType: () => 'Task' })

builder.interfaceFields(Job, (t) => ({
  id: t.id({ description: 'The global id.', resolve: (job) => (job as unknown as { id: string }).id }),
  status: t.field({ type: TaskStatusEnum, description: 'Where it is in its life.', resolve: (job) => job.status }),
  progress: t.exposeFloat('progress', { nullable: true, description: 'From 0 to 1; null where nothing was told.' }),
  error: t.exposeString('error', { nullable: true, description: 'Why it failed, or why its last attempt did.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (job) => toDate(job.createdAtMs) }),
  startedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When its present or last attempt began.',
    resolve: (job) => toDateOrNull(job.startedAtMs),
  }),
  completedAt: t.field({ type: 'DateTime', nullable: true, description: 'When it reached a final status.', resolve: (job) => toDateOrNull(job.completedAtMs) }),
}))

export const TaskEvent = builder.objectRef<LoggedEvent>('TaskEvent')
const TaskEventPages = pagesOf(TaskEvent, 'TaskEvent', 'changes of a task')

const STREAM_ORDER = [{ column: 'createdAtMs', kind: 'bigint', direction: 'ASC' }] as const

export const TaskRef = builder.prismaNode('Task', {
  description: 'A piece of long work: what is to be done, where it stands, and what came of it.',
  interfaces: [Job as never],
  id: { field: 'id', description: 'The global id, `Task:<uuid>`.' },
  select: { id: true, ownerId: true },
  fields: (t) => ({
    type: t.exposeString('type', { description: 'What kind of work, as listed in `taskTypes`.' }),
    description: t.exposeString('description', { ...weighs(2), nullable: true, description: 'What it is about, for people.' }),
    params: t.expose('params', { ...weighs(LONG_VALUE), type: 'JSON', nullable: true, description: 'What its type is given.' }),
    result: t.expose('result', { ...weighs(LONG_VALUE), type: 'JSON', nullable: true, description: 'What came of it; null until COMPLETED.' }),
    domain: t.exposeString('domain', { nullable: true, description: 'Area of work, to group and filter by.' }),
    driftScore: t.exposeFloat('driftScore', { nullable: true, description: 'How far the work has strayed from its intent, 0 to 1, as told by its creator.' }),
    status: t.expose('status', { type: TaskStatusEnum, description: 'Where it is in its life.' }),
    priority: t.exposeInt('priority', { description: 'Higher runs first; -1000 to 1000.' }),
    progress: t.exposeFloat('progress', { nullable: true, description: 'From 0 to 1; null where nothing was told.' }),
    progressMessage: t.exposeString('progressMessage', { nullable: true, description: 'What it is doing now.' }),
    summary: t.exposeString('summary', { ...weighs(2), nullable: true, description: 'What came of it, in words.' }),
    error: t.exposeString('error', { nullable: true, description: 'Why it failed, or why its last attempt did.' }),
    attempt: t.exposeInt('attempt', { description: '1 in the first run; 0 before it.' }),
    maxAttempts: t.exposeInt('maxAttempts', { description: 'How many attempts it has in all.' }),
    runAt: t.field({
      type: 'DateTime',
      select: { runAtMs: true },
      description: 'Not before this; after a failure, when the next attempt is due.',
      resolve: (task) => toDate(task.runAtMs),
    }),
    timeoutSeconds: t.exposeInt('timeoutSeconds', { nullable: true, description: 'Seconds an attempt may take; null: as long as it needs.' }),
    worker: t.exposeString('worker', { nullable: true, description: 'Who works on it now.' }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { leaseExpiresAtMs: true },
      description: 'When it is taken from its worker unless that renews the lease.',
      resolve: (task) => toDateOrNull(task.leaseExpiresAtMs),
    }),
    cancelRequestedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { cancelRequestedAtMs: true },
      description: 'When its worker was asked to stop.',
      resolve: (task) => toDateOrNull(task.cancelRequestedAtMs),
    }),
    agentsInvolved: t.field({
      type: ['String'],
      select: { agentsInvolved: true },
      description: 'Names of the agents that took part.',
      resolve: (task) => (task.agentsInvolved ?? []) as string[],
    }),
    sessionKey: t.exposeString('sessionKey', { nullable: true, description: 'What binds tasks of one session of an agent together.' }),
    idempotencyKey: t.exposeString('idempotencyKey', { nullable: true, description: 'The key it was created with.' }),
    createdAt: t.field({ type: 'DateTime', select: { createdAtMs: true }, description: 'When it was made.', resolve: (task) => toDate(task.createdAtMs) }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When anything about it changed last.',
      resolve: (task) => toDate(task.updatedAtMs),
    }),
    queuedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { queuedAtMs: true },
      description: 'When it was queued last.',
      resolve: (task) => toDateOrNull(task.queuedAtMs),
    }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { startedAtMs: true },
      description: 'When its present or last attempt began.',
      resolve: (task) => toDateOrNull(task.startedAtMs),
    }),
    completedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { completedAtMs: true },
      description: 'When it reached a final status.',
      resolve: (task) => toDateOrNull(task.completedAtMs),
    }),
    durationMs: t.field({
      type: 'SafeInt',
      nullable: true,
      select: { durationMs: true },
      description: 'From the start of the last attempt to the end, in milliseconds.',
      resolve: (task) => (task.durationMs === null ? null : Number(task.durationMs)),
    }),
    owner: t.relation('owner', { description: 'Whose it is.' }),
    streams: t.connection(
      {
        type: StreamRef,
        description: 'The streams that belong to it, oldest first: one or more for each attempt.',
        resolve: (task, args, ctx, info) =>
          readRelated(ctx, info, task.id, {
            typeName: 'Stream',
            table: 'Stream',
            parent: 'taskId',
            order: STREAM_ORDER,
            args,
            delegate: (c) => c.db.stream as never,
          }) as never,
      },
      ...StreamPages,
    ),
    events: t.connection(
      {
        type: TaskEvent,
        description: 'Every change of it, oldest first.',
        resolve: (task, args, ctx, info) => readSubjectEvents(ctx, info, task.id, { subjectType: 'Task', ...ownedBy(ctx.actor) }, args) as never,
      },
      ...TaskEventPages,
    ),
  }),
})

export const TaskPages = pagesOf(TaskRef, 'Task', 'tasks')

/** Kinds of task events as the API names them: those of the log without `TASK_`. */
const TaskEventKind = builder.enumType('TaskEventKind', {
  description: 'What happened to a task.',
  values: {
    SNAPSHOT: { description: 'Nothing: this is how it stands as you begin to follow.' },
    CREATED: { description: 'It was written down, and queued unless it shall not run yet.' },
    QUEUED: { description: 'It was put into the queue, by `taskRun` or `taskRetry`.' },
    STARTED: { description: 'A worker claimed it: a new attempt.' },
    PROGRESSED: { description: 'Its worker told how far it is.' },
    STREAM_OPENED: { description: 'An attempt began to write a stream; `data.streamId` names it.' },
    COMPLETED: { description: 'It ended well.' },
    FAILED: { description: 'It ended badly; `data.reason` says why.' },
    RETRY_SCHEDULED: { description: 'An attempt failed; it is queued for another.' },
    LEASE_LOST: { description: 'Its worker was lost; it is queued for another attempt.' },
    RELEASED: { description: 'Its server stopped; it is queued for another attempt.' },
    CANCEL_REQUESTED: { description: 'Its worker was asked to stop.' },
    CANCELLED: { description: 'It ended by request.' },
    UPDATED: { description: 'What it says of itself was changed; `data.fields` names what.' },
    DELETED: { description: 'It was removed.' },
  },
})

TaskEvent.implement({
  description: 'A change of a task. It is told even where the task is gone since.',
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place in the log: go on from here with `after`.',
      resolve: (event, _args, ctx) => eventCursorOf(ctx, event),
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it was committed, by the database’s clock.', resolve: (event) => toDate(event.occurredAtMs) }),
    kind: t.field({ type: TaskEventKind, description: 'What happened.', resolve: (event) => event.kind.replace(/^TASK_/, '') as 'SNAPSHOT' }),
    taskId: t.id({ description: 'The task’s id.', resolve: (event) => toGlobalId('Task', event.subjectId) }),
    task: t.prismaField({
      type: TaskRef,
      nullable: true,
      description: 'The task as it is now, which may be further on than this event; null once it is deleted.',
      resolve: (query, event, _args, ctx) => ctx.db.task.findUnique({ ...query, where: { id: event.subjectId, ...ownedBy(ctx.actor) } }),
    }),
    fromStatus: t.field({
      type: TaskStatusEnum,
      nullable: true,
      description: 'The status before; null where it did not change.',
      resolve: (event) => (event.data.before as { status?: TaskStatus } | undefined)?.status ?? null,
    }),
    toStatus: t.field({
      type: TaskStatusEnum,
      nullable: true,
      description: 'The status after this event.',
      resolve: (event) => (event.data.status as TaskStatus | undefined) ?? null,
    }),
    actor: actorField(t as never),
    data: t.field({
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      description: 'The values after the change; under `before` those that were other before it. Times are milliseconds since 1970.',
      resolve: (event) => event.data,
    }),
  }),
})

export const TaskFilter = filterInput('TaskFilter', 'Which tasks.', {
  id: { type: IdFilter, description: 'The id.' },
  ownerId: { type: IdFilter, description: 'The owner’s id (of use to ADMINs).' },
  type: { type: StringFilter, description: 'The task type.' },
  status: { type: comparators('TaskStatus', TaskStatusEnum as never, 'task status'), description: 'The status.' },
  domain: { type: StringFilter, description: 'The area of work.' },
  driftScore: { type: FloatFilter, description: 'How far it has strayed.' },
  priority: { type: IntFilter, description: 'The priority.' },
  progress: { type: FloatFilter, description: 'How far it is.' },
  attempt: { type: IntFilter, description: 'The number of the attempt.' },
  sessionKey: { type: StringFilter, description: 'The session of an agent.' },
  worker: { type: StringFilter, description: 'Who works on it.' },
  createdAt: { type: DateTimeFilter, description: 'When it was made.' },
  updatedAt: { type: DateTimeFilter, description: 'When it changed last.' },
  runAt: { type: DateTimeFilter, description: 'When it is due.' },
  queuedAt: { type: DateTimeFilter, description: 'When it was queued last.' },
  startedAt: { type: DateTimeFilter, description: 'When its last attempt began.' },
  completedAt: { type: DateTimeFilter, description: 'When it ended.' },
})

export const TaskOrder = orderInput('Task', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was made.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When it changed last.' },
  RUN_AT: { column: 'runAtMs', kind: 'bigint', description: 'When it is due.' },
  PRIORITY: { column: 'priority', kind: 'integer', description: 'The priority.' },
  TYPE: { column: 'type', kind: 'string', description: 'The task type, by its letters.' },
})

nodeLoader('Task', 'TASKS_READ', (ctx, ids, query) => ctx.db.task.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }))
