/** What lists of schedules can be filtered and ordered by. */
import { builder } from '../graphql/builder.ts'
import { orderInput } from '../graphql/connection.ts'
import { comparators, DateTimeFilter, filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'

export const MissedTicksEnum = builder.enumType('MissedTicks', {
  description: 'What shall be done about ticks that nobody was there for, because no server ran. Up to 10 seconds a tick is only late, and fires.',
  values: {
    SKIP: { description: 'Nothing: the next one is in the future.' },
    CATCH_UP: { description: 'Each is made up for, oldest first; of more than `maxCatchUp` the last ones.' },
    RUN_ONCE: { description: 'One task stands for all of them.' },
  } as const,
})

export const ScheduleFilter = filterInput('ScheduleFilter', 'Which schedules.', {
  id: { type: IdFilter, description: 'The id.' },
  ownerId: { type: IdFilter, description: 'The owner’s id (of use to ADMINs).' },
  name: { type: StringFilter, description: 'The name.' },
  cron: { type: StringFilter, description: 'The cron expression, as written.' },
  timezone: { type: StringFilter, description: 'The time zone, as written.' },
  missed: { type: comparators('MissedTicks', MissedTicksEnum as never, 'way with missed ticks'), description: 'What is done about missed ticks.' },
  error: { type: StringFilter, description: 'Why the last tick made no task; `isNull: false`: those that have a problem.' },
  pausedAt: { type: DateTimeFilter, description: 'When it was paused; `isNull: true`: those that are not.' },
  endsAt: { type: DateTimeFilter, description: 'When it ends.' },
  nextRunAt: { type: DateTimeFilter, description: 'When its next tick is.' },
  lastRunAt: { type: DateTimeFilter, description: 'When it last made a task.' },
  createdAt: { type: DateTimeFilter, description: 'When it was made.' },
  updatedAt: { type: DateTimeFilter, description: 'When it was last changed by somebody.' },
})

export const ScheduleOrder = orderInput('Schedule', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was made.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When it was last changed by somebody.' },
  NAME: { column: 'name', kind: 'string', description: 'Its name, by its letters.' },
})
