/** The inputs by which facts are chosen and ordered. */
import { orderInput } from '../graphql/connection.ts'
import { DateTimeFilter, filterInput, IdFilter, MetadataFilter, TagsFilter } from '../graphql/filter-inputs.ts'
import { MAX_Q } from './fact-filter.ts'

export const FactFilter = filterInput('FactFilter', 'Which facts.', {
  id: { type: IdFilter, description: 'The id.' },
  ownerId: { type: IdFilter, description: 'The owner’s id (of use to ADMINs).' },
  q: { type: 'String', description: `Stands in the text, whatever the case; every character means itself. At most ${MAX_Q} characters.` },
  tags: { type: TagsFilter, description: 'The tags.' },
  metadata: { type: [MetadataFilter], description: 'Values in the metadata; all of these must hold.' },
  taskId: { type: IdFilter, description: 'The task that it comes from.' },
  messageId: { type: IdFilter, description: 'The message that it comes from.' },
  createdAt: { type: DateTimeFilter, description: 'When it was written down.' },
  updatedAt: { type: DateTimeFilter, description: 'When it was last changed.' },
})

export const FactOrder = orderInput('Fact', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was written down.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When it was last changed.' },
})
