/** The inputs by which facts are chosen and ordered. */
import { builder } from '../graphql/builder.ts'
import { orderInput } from '../graphql/connection.ts'
import { BooleanFilter, DateTimeFilter, FloatFilter, filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { MAX_PATH, MAX_Q } from './fact-filter.ts'

const FactTagsFilter = builder.inputType('FactTagsFilter', {
  description: 'Conditions on tags; all that are given must hold.',
  fields: (t) => ({
    any: t.stringList({ description: 'Has at least one of these.' }),
    all: t.stringList({ description: 'Has all of these.' }),
    none: t.stringList({ description: 'Has none of these.' }),
  }),
})

const FactMetadataFilter = builder.inputType('FactMetadataFilter', {
  description:
    'Conditions on one value in the metadata; all that are given must hold. A value of another type is as good as absent, and so is null: no comparison with it holds, nor its opposite.',
  fields: (t) => ({
    path: t.stringList({
      required: true,
      description: `The keys that lead to it, from the outermost; 1 to ${MAX_PATH}. They lead through objects, not through lists.`,
    }),
    string: t.field({ type: StringFilter, description: 'Of a text.' }),
    number: t.field({ type: FloatFilter, description: 'Of a number.' }),
    boolean: t.field({ type: BooleanFilter, description: 'Of true and false.' }),
    isPresent: t.boolean({ description: 'Whether there is a value other than null.' }),
  }),
})

export const FactFilter = filterInput('FactFilter', 'Which facts.', {
  id: { type: IdFilter, description: 'The id.' },
  ownerId: { type: IdFilter, description: 'The owner’s id (of use to ADMINs).' },
  q: { type: 'String', description: `Stands in the text, whatever the case; every character means itself. At most ${MAX_Q} characters.` },
  tags: { type: FactTagsFilter, description: 'The tags.' },
  metadata: { type: [FactMetadataFilter], description: 'Values in the metadata; all of these must hold.' },
  taskId: { type: IdFilter, description: 'The task that it comes from.' },
  messageId: { type: IdFilter, description: 'The message that it comes from.' },
  createdAt: { type: DateTimeFilter, description: 'When it was written down.' },
  updatedAt: { type: DateTimeFilter, description: 'When it was last changed.' },
})

export const FactOrder = orderInput('Fact', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was written down.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When it was last changed.' },
})
