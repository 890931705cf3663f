/** What documents can be filtered by, as input. */
import { DateTimeFilter, filterInput, IdFilter, MetadataFilter, StringFilter, TagsFilter } from '../graphql/filter-inputs.ts'

export const DocumentFilterInput = filterInput('SearchDocumentFilter', 'Which documents.', {
  collectionId: { type: IdFilter, description: 'The id of its collection.' },
  externalId: { type: StringFilter, description: 'What you call it.' },
  title: { type: StringFilter, description: 'Its title.' },
  tags: { type: TagsFilter, description: 'Its tags.' },
  metadata: { type: [MetadataFilter], description: 'Its metadata: all of these must hold.' },
  createdAt: { type: DateTimeFilter, description: 'When it was added.' },
  updatedAt: { type: DateTimeFilter, description: 'When it was last changed.' },
})
