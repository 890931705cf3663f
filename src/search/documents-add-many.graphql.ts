/** Adding many documents at once. */
import { z } from 'zod'
import { given } from '../core/input.ts'
import { batchFields, batchKey, batchRules, inPlaces, skippedField, toTold, wantedBy } from '../graphql/batch.ts'
import { builder, rowsOf } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { insideOf } from './collection.ts'
import { collectionField } from './collections-mutations.graphql.ts'
import { DocumentRef } from './document.graphql.ts'
import { MAX_DOCUMENTS_AT_ONCE } from './document.ts'
import { documentFields, documentRules, intoFields, intoRules, toDocument, toInto } from './document-inputs.graphql.ts'
import { documentsAddMany } from './documents-add-many.ts'
import { DocumentOutcome } from './documents-mutations.graphql.ts'
import type { Outcome } from './documents-write.ts'

const DocumentInputRef = builder.inputType('SearchDocumentInput', {
  description: 'One of many documents.',
  fields: (t) => documentFields(t as never) as never,
})

export const IfExistsEnum = builder.enumType('SearchIfExists', {
  description: 'What becomes of a document whose external id is there already.',
  values: {
    FAIL: { description: 'The new one is refused.' },
    REPLACE: { description: 'The new one takes its place, under the id of the old one.' },
    KEEP: { description: 'The old one stays as it is.' },
  } as const,
})

const read = wantedBy(z.object(documentRules), toDocument)

/** What is remembered under a key: ids and outcomes in the order of the input, empty where one was skipped. */
type Made = { collectionId: string; documentIds: string[]; outcomes: string[]; skipped: string }

mutation('searchDocumentAddMany', {
  description: `Puts up to ${MAX_DOCUMENTS_AT_ONCE} documents into a collection in one go: all or none of them, or those without fault.`,
  rights: 'SEARCH_WRITE',
  inputDescription: 'Which documents, and where they go.',
  input: (t) => ({
    ...intoFields(t),
    ...batchFields(t, 'documents', DocumentInputRef, { one: 'document', list: `1 to ${MAX_DOCUMENTS_AT_ONCE}.` }),
    ifExists: t.field({ type: IfExistsEnum, defaultValue: 'FAIL', description: 'What becomes of a document whose external id is there already.' }),
  }),
  validate: z.object({
    ...intoRules,
    ...batchRules('documents', MAX_DOCUMENTS_AT_ONCE),
    ifExists: given(z.enum(['FAIL', 'REPLACE', 'KEEP'])),
  }),
  run: async (input, ctx) => {
    const into = toInto(input)
    const wanted = input.documents.map(read)
    return ctx.once(batchKey('searchDocumentAddMany', input.documents, input), async (work): Promise<Made> => {
      const { collectionId, documents, skipped } = await documentsAddMany(work, into, wanted, {
        ifExists: input.ifExists ?? 'FAIL',
        policy: input.errorPolicy,
      })
      return {
        collectionId,
        documentIds: documents.map((each) => each?.documentId ?? ''),
        outcomes: documents.map((each) => each?.outcome ?? ''),
        skipped: toTold(skipped),
      }
    })
  },
  payload: (t) => ({
    ...collectionField(t),
    documents: t.prismaField({
      ...rowsOf('documents'),
      type: [DocumentRef],
      nullable: { list: false, items: true },
      description: 'The documents in the order of the input; null where one was skipped, and none at all where nothing was added.',
      resolve: (query, { made }, _args, ctx) =>
        inPlaces(made?.documentIds ?? [], (id) => ctx.db.searchDocument.findMany({ ...query, where: { id, ...insideOf(ctx.actor) } })),
    }),
    outcomes: t.field({
      ...rowsOf('documents'),
      type: [DocumentOutcome],
      nullable: { list: false, items: true },
      description: 'What became of each, in the order of the input; null where one was skipped.',
      resolve: ({ made }) => (made?.outcomes ?? []).map((outcome) => (outcome || null) as Outcome | null),
    }),
    skipped: skippedField(t, 'documents'),
  }),
})
