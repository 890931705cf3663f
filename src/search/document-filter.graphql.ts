/** What documents can be filtered by, as input. */
import { builder } from '../graphql/builder.ts'
import { BooleanFilter, DateTimeFilter, FloatFilter, filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'

const TagsFilter = builder.inputType('SearchTagsFilter', {
  description: 'Conditions on the tags of a document; all that are given must hold.',
  fields: (t) => ({
    any: t.stringList({ description: 'It has at least one of these.' }),
    all: t.stringList({ description: 'It has every one of these.' }),
    none: t.stringList({ description: 'It has none of these.' }),
  }),
})

const MetadataFilter = builder.inputType('SearchMetadataFilter', {
  description: 'Conditions on one value of the metadata; all that are given must hold. A value of another type fulfils none of them.',
  fields: (t) => ({
    path: t.stringList({ required: true, description: 'The keys that lead to it, as `["author", "name"]`; at most 8.' }),
    string: t.field({ type: StringFilter, description: 'It is a text, and so.' }),
    number: t.field({ type: FloatFilter, description: 'It is a number, and so.' }),
    boolean: t.field({ type: BooleanFilter, description: 'It is true or false.' }),
    isPresent: t.boolean({ description: 'Whether there is a value other than null.' }),
  }),
})

export const DocumentFilterInput = filterInput('SearchDocumentFilter', 'Which documents.', {
  collectionId: { type: IdFilter, description: 'The id of its collection.' },
  externalId: { type: StringFilter, description: 'What you call it.' },
  title: { type: StringFilter, description: 'Its title.' },
  tags: { type: TagsFilter, description: 'Its tags.' },
  metadata: { type: [MetadataFilter], description: 'Its metadata: all of these must hold.' },
  createdAt: { type: DateTimeFilter, description: 'When it was added.' },
  updatedAt: { type: DateTimeFilter, description: 'When it was last changed.' },
})
