/** The type Task. */
import { ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { readSubjectEvents } from '../events/events.graphql.ts'
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import { nodeLoader } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { StreamPages, StreamRef } from '../streams/stream.graphql.ts'
import { TaskEvent, TaskEventPages } from './task-event.graphql.ts'
import { Job, TaskStatusEnum } from './task-status.graphql.ts'
import type { TaskFile } from './task-type.ts'
import './queue-invariants.ts'
import './tally-invariants.ts'
import './task-invariants.ts'

const STREAM_ORDER = [{ column: 'createdAtMs', kind: 'bigint', direction: 'ASC' }] as const

export const TaskFileChangeEnum = builder.enumType('TaskFileChange', {
  description: 'What was done to a file.',
  values: {
    CREATED: { description: 'It was made.' },
    MODIFIED: { description: 'It was changed.' },
    DELETED: { description: 'It was removed.' },
    READ: { description: 'It was only read.' },
  },
})

const TaskFileRef = builder.objectRef<TaskFile>('TaskFile').implement({
  description: 'A file that a task touched, as its worker told it.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Where it is, as its worker names it.' }),
    change: t.field({ type: TaskFileChangeEnum, description: 'What was done to it.', resolve: (file) => file.change }),
  }),
})

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
    traceparent: t.exposeString('traceparent', {
      nullable: true,
      description: 'The trace of the request that made it, as W3C writes it, for workers elsewhere to go on with; null where nobody traces.',
    }),
    runAt: t.field({
      type: 'DateTime',
      select: { runAtMs: true },
      description: 'Not before this; after a failure, when the next attempt is due.',
      resolve: (task) => toDate(task.runAtMs),
    }),
    timeoutSeconds: t.exposeInt('timeoutSeconds', { nullable: true, description: 'Seconds an attempt may take; null: as long as it needs.' }),
    totalTimeoutSeconds: t.exposeInt('totalTimeoutSeconds', {
      nullable: true,
      description: 'Seconds it may take in all, pauses and all attempts included; null: no limit.',
    }),
    deadline: t.field({
      type: 'DateTime',
      nullable: true,
      select: { deadlineAtMs: true },
      description: 'When it must have ended, by `totalTimeoutSeconds`.',
      resolve: (task) => toDateOrNull(task.deadlineAtMs),
    }),
    retryPolicy: t.expose('retryPolicy', {
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      description: 'How long it waits before another attempt; null: as is usual.',
    }),
    concurrencyKey: t.exposeString('concurrencyKey', { nullable: true, description: 'Of its owner’s tasks with the same key only so many run at once.' }),
    concurrencyLimit: t.exposeInt('concurrencyLimit', { nullable: true, description: 'How many of its key may run for this one to start.' }),
    metrics: t.expose('metrics', {
      ...weighs(2),
      type: 'JSON',
      nullable: true,
      description: 'Figures that its worker told: tokens, seconds, whatever the work can tell of itself.',
    }),
    files: t.field({
      ...weighs(2),
      type: [TaskFileRef],
      select: { files: true },
      description: 'The files that its worker told it touched; at most 1,000.',
      resolve: (task) => (task.files ?? []) as unknown as TaskFile[],
    }),
    worker: t.exposeString('worker', { nullable: true, description: 'Who works on it now.' }),
    lastWorker: t.exposeString('lastWorker', { nullable: true, description: 'Who worked on it last.' }),
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
    archivedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { archivedAtMs: true },
      description: 'When it was put away.',
      resolve: (task) => toDateOrNull(task.archivedAtMs),
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

nodeLoader('Task', 'TASKS_READ', (ctx, ids, query) => ctx.db.task.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }))
