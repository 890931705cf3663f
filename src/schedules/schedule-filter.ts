/** What schedules can be filtered by: columns that events carry too, so that live lists say the same as lists. */
import type { FilterFields } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'

const moment = (column: string) => ({ column, write: (value: unknown) => BigInt((value as Date).getTime()) })

export const SCHEDULE_FILTER_FIELDS: FilterFields = {
  id: { column: 'id', write: (value) => idOf('Schedule', value as string, ['filter', 'id']) ?? '' },
  ownerId: { column: 'ownerId', write: (value) => idOf('User', value as string, ['filter', 'ownerId']) ?? '' },
  name: { column: 'name', required: true },
  cron: { column: 'cron', required: true },
  timezone: { column: 'timezone', required: true },
  missed: { column: 'missed', required: true },
  error: { column: 'error' },
  pausedAt: moment('pausedAtMs'),
  endsAt: moment('endsAtMs'),
  nextRunAt: moment('nextRunAtMs'),
  lastRunAt: moment('lastRunAtMs'),
  createdAt: { ...moment('createdAtMs'), required: true },
  updatedAt: { ...moment('updatedAtMs'), required: true },
}
