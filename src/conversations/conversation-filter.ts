/** What conversations can be filtered by. */
import { type FilterFields, idIn, momentOrNull } from '../core/filter.ts'

export const CONVERSATION_FILTER_FIELDS: FilterFields = {
  id: idIn('Conversation', 'id'),
  ownerId: idIn('User', 'ownerId'),
  title: { column: 'title' },
  agent: { column: 'agent' },
  sessionKey: { column: 'sessionKey' },
  model: { column: 'model' },
  taskId: idIn('Task', 'taskId'),
  forkedFromId: idIn('Conversation', 'forkedFromId'),
  archivedAt: momentOrNull('archivedAtMs'),
  createdAt: { ...momentOrNull('createdAtMs'), required: true },
  updatedAt: { ...momentOrNull('updatedAtMs'), required: true },
}
