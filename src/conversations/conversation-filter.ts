/** What conversations can be filtered by. */
import type { FilterFields } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'

const moment = (column: string) => ({ column, write: (value: unknown) => BigInt((value as Date).getTime()) })
const idIn = (type: string, column: string) => ({ column, write: (value: unknown) => idOf(type, value as string, ['filter', column]) ?? '' })

export const CONVERSATION_FILTER_FIELDS: FilterFields = {
  id: idIn('Conversation', 'id'),
  ownerId: idIn('User', 'ownerId'),
  title: { column: 'title' },
  agent: { column: 'agent' },
  sessionKey: { column: 'sessionKey' },
  model: { column: 'model' },
  taskId: idIn('Task', 'taskId'),
  forkedFromId: idIn('Conversation', 'forkedFromId'),
  archivedAt: moment('archivedAtMs'),
  createdAt: { ...moment('createdAtMs'), required: true },
  updatedAt: { ...moment('updatedAtMs'), required: true },
}
