/** What tasks can be filtered by: columns that events carry too, so that live lists say the same as lists. */

import { type Filter, type FilterFields, filterMatches } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import type { LoggedEvent } from '../events/log.ts'

const moment = (column: string) => ({ column, write: (value: unknown) => BigInt((value as Date).getTime()) })

export const TASK_FILTER_FIELDS: FilterFields = {
  id: { column: 'id', write: (value) => idOf('Task', value as string, ['filter', 'id']) ?? '' },
  ownerId: { column: 'ownerId', write: (value) => idOf('User', value as string, ['filter', 'ownerId']) ?? '' },
  type: { column: 'type', required: true },
  status: { column: 'status' },
  domain: { column: 'domain' },
  driftScore: { column: 'driftScore' },
  priority: { column: 'priority', required: true },
  progress: { column: 'progress' },
  attempt: { column: 'attempt', required: true },
  sessionKey: { column: 'sessionKey' },
  worker: { column: 'worker' },
  createdAt: { ...moment('createdAtMs'), required: true },
  updatedAt: { ...moment('updatedAtMs'), required: true },
  runAt: { ...moment('runAtMs'), required: true },
  queuedAt: moment('queuedAtMs'),
  startedAt: moment('startedAtMs'),
  completedAt: moment('completedAtMs'),
}

/** Whether the task of an event matched before or after it: what leaves a list is told too. */
export function taskEventMatches(filter: Filter | null | undefined, event: LoggedEvent): boolean {
  if (!filter) return true
  const after = { ...event.data, id: event.subjectId, ownerId: event.ownerId }
  if (filterMatches(filter, after, TASK_FILTER_FIELDS)) return true
  const before = event.data.before
  return typeof before === 'object' && before !== null && filterMatches(filter, { ...after, ...before }, TASK_FILTER_FIELDS)
}
