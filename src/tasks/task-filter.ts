/** What tasks can be filtered by: columns that events carry too, so that live lists say the same as lists. */

import { type FilterFields, momentOrNull } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'

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
  concurrencyKey: { column: 'concurrencyKey' },
  parentId: { column: 'parentId', write: (value) => idOf('Task', value as string, ['filter', 'parentId']) ?? '' },
  scheduleId: { column: 'scheduleId', write: (value) => idOf('Schedule', value as string, ['filter', 'scheduleId']) ?? '' },
  worker: { column: 'worker' },
  createdAt: { ...momentOrNull('createdAtMs'), required: true },
  updatedAt: { ...momentOrNull('updatedAtMs'), required: true },
  runAt: { ...momentOrNull('runAtMs'), required: true },
  queuedAt: momentOrNull('queuedAtMs'),
  startedAt: momentOrNull('startedAtMs'),
  deadlineAt: momentOrNull('deadlineAtMs'),
  completedAt: momentOrNull('completedAtMs'),
  archivedAt: momentOrNull('archivedAtMs'),
}
