/** What lists of tasks can be filtered and ordered by. */
import { orderInput } from '../graphql/connection.ts'
import { comparators, DateTimeFilter, FloatFilter, filterInput, IdFilter, IntFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { TaskStatusEnum } from './task-status.graphql.ts'

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
