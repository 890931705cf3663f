/** What schedules can be filtered by: columns that events carry too, so that live lists say the same as lists. */
import { type FilterFields, momentOrNull } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'

export const SCHEDULE_FILTER_FIELDS: FilterFields = {
  id: { column: 'id', write: (value) => idOf('Schedule', value as string, ['filter', 'id']) ?? '' },
  ownerId: { column: 'ownerId', write: (value) => idOf('User', value as string, ['filter', 'ownerId']) ?? '' },
  name: { column: 'name', required: true },
  cron: { column: 'cron', required: true },
  timezone: { column: 'timezone', required: true },
  missed: { column: 'missed', required: true },
  error: { column: 'error' },
  pausedAt: momentOrNull('pausedAtMs'),
  endsAt: momentOrNull('endsAtMs'),
  nextRunAt: momentOrNull('nextRunAtMs'),
  lastRunAt: momentOrNull('lastRunAtMs'),
  createdAt: { ...momentOrNull('createdAtMs'), required: true },
  updatedAt: { ...momentOrNull('updatedAtMs'), required: true },
}
