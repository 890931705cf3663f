/** What happens to schedules, as it is told. */
import { ownedBy } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { fromGlobalId, toGlobalId } from '../core/ids.ts'
import { actorField, eventCursorOf } from '../events/events.graphql.ts'
import type { LoggedEvent } from '../events/log.ts'
import { builder, weighs } from '../graphql/builder.ts'

/** Kinds of schedule events as the API names them: those of the log without `SCHEDULE_`. */
const ScheduleEventKind = builder.enumType('ScheduleEventKind', {
  description: 'What happened to a schedule.',
  values: {
    SNAPSHOT: { description: 'Nothing: this is how it stands as you begin to follow.' },
    CREATED: { description: 'It was written down.' },
    UPDATED: { description: 'What it says was changed; `data.fields` names what.' },
    PAUSED: { description: 'It rests until it is resumed.' },
    RESUMED: { description: 'It goes on.' },
    FIRED: { description: 'It made a task: `task`, at a tick: `tickAt`, or by hand.' },
    FAILED: { description: 'A tick came and no task could be made; `data.reason` says why.' },
    SKIPPED: { description: 'Ticks were missed and are passed over: those from `data.firstTickAtMs` to `data.lastTickAtMs`.' },
    DELETED: { description: 'It was removed.' },
  },
})

export const ScheduleEvent = builder.objectRef<LoggedEvent>('ScheduleEvent').implement({
  description: 'A change of a schedule. It is told even where the schedule is gone since.',
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place in the log: go on from here with `after`.',
      resolve: (event, _args, ctx) => eventCursorOf(ctx, event),
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it was committed, by the database’s clock.', resolve: (event) => toDate(event.occurredAtMs) }),
    kind: t.field({ type: ScheduleEventKind, description: 'What happened.', resolve: (event) => event.kind.replace(/^SCHEDULE_/, '') as 'SNAPSHOT' }),
    scheduleId: t.id({ description: 'The schedule’s id.', resolve: (event) => toGlobalId('Schedule', event.subjectId) }),
    schedule: t.prismaField({
      type: 'Schedule',
      nullable: true,
      description: 'The schedule as it is now, which may be further on than this event; null once it is deleted.',
      resolve: (query, event, _args, ctx) => ctx.db.schedule.findUnique({ ...query, where: { id: event.subjectId, ...ownedBy(ctx.actor) } }),
    }),
    tickAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The tick that FIRED or FAILED; null where it was by hand, and for all else.',
      resolve: (event) => (typeof event.data.tickAtMs === 'number' ? toDate(event.data.tickAtMs) : null),
    }),
    task: t.prismaField({
      type: 'Task',
      nullable: true,
      description: 'The task that was made by what FIRED, as it is now; null once it is deleted.',
      resolve: (query, event, _args, ctx) => {
        const { taskId } = event.data
        return typeof taskId === 'string' ? ctx.db.task.findUnique({ ...query, where: { id: fromGlobalId(taskId).id, ...ownedBy(ctx.actor) } }) : null
      },
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
