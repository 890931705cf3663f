/** What lists of tasks can be filtered and ordered by. */
import { orderInput } from '../graphql/connection.ts'
import { comparators, DateTimeFilter, FloatFilter, filterInput, IdFilter, IntFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { TaskStatusEnum } from './task-status.graphql.ts'

const OptionalIdFilter = comparators('OptionalId', 'ID', 'id', { nullable: true })

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
  concurrencyKey: { type: StringFilter, description: 'The key of which only so many run at once.' },
  parentId: { type: OptionalIdFilter, description: 'The id of the task that it is a part of.' },
  scheduleId: { type: OptionalIdFilter, description: 'The id of the schedule that made it.' },
  worker: { type: StringFilter, description: 'Who works on it.' },
  createdAt: { type: DateTimeFilter, description: 'When it was made.' },
  updatedAt: { type: DateTimeFilter, description: 'When it changed last.' },
  runAt: { type: DateTimeFilter, description: 'When it is due.' },
  queuedAt: { type: DateTimeFilter, description: 'When it was queued last.' },
  startedAt: { type: DateTimeFilter, description: 'When its last attempt began.' },
  deadlineAt: { type: DateTimeFilter, description: 'When it must have ended.' },
  completedAt: { type: DateTimeFilter, description: 'When it ended.' },
  archivedAt: { type: DateTimeFilter, description: 'When it was put away; `{isNull: true}`: what was not.' },
})

export const TaskOrder = orderInput('Task', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was made.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When it changed last.' },
  RUN_AT: { column: 'runAtMs', kind: 'bigint', description: 'When it is due.' },
  PRIORITY: { column: 'priority', kind: 'integer', description: 'The priority.' },
  TYPE: { column: 'type', kind: 'string', description: 'The task type, by its letters.' },
})
