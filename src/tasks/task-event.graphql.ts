/** What happens to tasks, as it is told. */
import { ownedBy } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { toGlobalId } from '../core/ids.ts'
import { actorField, eventCursorOf } from '../events/events.graphql.ts'
import type { LoggedEvent } from '../events/log.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import type { TaskStatus } from './task.ts'
import { TaskStatusEnum } from './task-status.graphql.ts'

export const TaskEvent = builder.objectRef<LoggedEvent>('TaskEvent')
export const TaskEventPages = pagesOf(TaskEvent, 'TaskEvent', 'changes of a task')

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
    TOOL_CALLED: { description: 'A model that answers for it called a tool; `data.tool` holds its `name`, `callId`, `durationMs` and `isError`.' },
    COMPLETED: { description: 'It ended well.' },
    FAILED: { description: 'It ended badly; `data.reason` says why.' },
    RETRY_SCHEDULED: { description: 'An attempt failed; it is queued for another.' },
    LEASE_LOST: { description: 'Its worker was lost; it is queued for another attempt.' },
    TIMED_OUT: { description: 'Its worker did not end in time; it is queued for another attempt.' },
    RELEASED: { description: 'Its worker gave it back unfinished; it is queued for another attempt.' },
    WAITING: { description: 'It gave its place up until its children have ended.' },
    DEPENDENCY_ENDED: { description: 'Something that it waited for has ended.' },
    CANCEL_REQUESTED: { description: 'Its worker was asked to stop.' },
    CANCELLED: { description: 'It ended by request.' },
    UPDATED: { description: 'What it says of itself was changed; `data.fields` names what.' },
    ARCHIVED: { description: 'It was put away.' },
    UNARCHIVED: { description: 'It was taken out again.' },
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
      type: 'Task',
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
