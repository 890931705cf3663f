/** Adding, changing and removing documents. */
import { z } from 'zod'
import { idOf, toGlobalId } from '../core/ids.ts'
import { given, id, idempotencyKey, optionalName, text } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { insideOf } from './collection.ts'
import { KEY } from './collections-mutations.graphql.ts'
import { DocumentRef } from './document.graphql.ts'
import { MAX_EXTERNAL_ID, MAX_TITLE } from './document.ts'
import { documentAdd } from './document-add.ts'
import { documentDelete } from './document-delete.ts'
import { content, documentFields, documentRules, intoFields, intoRules, metadata, tags, toDocument, toInto, WORDS } from './document-inputs.graphql.ts'
import { documentUpdate } from './document-update.ts'
import type { Outcome } from './documents-write.ts'

type Made = { documentId: string; outcome?: string }

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
const documentField = (t: any) => ({
  document: t.prismaField({
    type: DocumentRef,
    nullable: true,
    description: 'The document as it is now; null where nothing was changed.',
    resolve: (query: object, { made }: { made: Made | null }, _args: unknown, ctx: Context) =>
      made && ctx.db.searchDocument.findFirst({ ...query, where: { id: made.documentId, ...insideOf(ctx.actor) } }),
  }),
})

export const DocumentOutcome = builder.enumType('SearchDocumentOutcome', {
  description: 'What became of a document.',
  values: {
    ADDED: { description: 'It was not there, and now is.' },
    UPDATED: { description: 'It was there, and was changed.' },
    UNCHANGED: { description: 'It was there, and said the same.' },
    KEPT: { description: 'It was there, and was left as it is.' },
  } as const satisfies Record<Outcome, { description: string }>,
})

const ADD = z.object({ ...intoRules, ...documentRules, idempotencyKey })
const addFields = (t: Parameters<typeof documentFields>[0]) => ({ ...intoFields(t), ...documentFields(t), idempotencyKey: t.string({ description: KEY }) })

mutation('searchDocumentAdd', {
  description: 'Puts a document into a collection, where it is found from then on. One whose external id is there already is refused.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'What it says, and where it goes.',
  input: addFields,
  validate: ADD,
  payload: documentField,
  run: async (input, ctx) => {
    const [into, document] = [toInto(input), toDocument(input)]
    return ctx.once({ mutation: 'searchDocumentAdd', key: input.idempotencyKey, id: input.id, input }, async (work): Promise<Made> => {
      const { documentId } = await documentAdd(work, into, document, 'FAIL')
      return { documentId }
    })
  },
})

mutation('searchDocumentUpsert', {
  description:
    'Puts a document into a collection, in place of the one with the same external id where there is one. That one keeps its id, and what is not given is cleared.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'What it shall say, and where it goes.',
  input: addFields,
  validate: ADD.refine(({ externalId }) => externalId !== undefined, { message: 'Must be given', path: ['externalId'] }),
  payload: (t) => ({
    ...documentField(t),
    outcome: t.field({
      type: DocumentOutcome,
      nullable: true,
      description: 'What became of it; null where nothing was changed.',
      resolve: ({ made }) => (made as Made | null)?.outcome as Outcome,
    }),
  }),
  run: async (input, ctx) => {
    const [into, document] = [toInto(input), toDocument(input)]
    return ctx.once(
      { mutation: 'searchDocumentUpsert', key: input.idempotencyKey, id: input.id, input },
      async (work): Promise<Made> => ({ ...(await documentAdd(work, into, document, 'REPLACE')) }),
    )
  },
})

mutation('searchDocumentUpdate', {
  description: 'Changes what a document says; what is left out stays. It is found by what it says now, from then on.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The document’s id.' }),
    externalId: t.string({ description: `${WORDS.externalId}; null clears it.` }),
    title: t.string({ description: `${WORDS.title}; null clears it.` }),
    content: t.string({ description: WORDS.content }),
    metadata: t.field({ type: 'JSON', description: `${WORDS.metadata}, in place of what was there; null clears it.` }),
    tags: t.stringList({ description: `${WORDS.tags}; in place of those that it had.` }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({
    id,
    externalId: z.union([z.null(), optionalName(MAX_EXTERNAL_ID)]),
    title: z.union([z.null(), given(text(0, MAX_TITLE))]),
    content: given(content),
    metadata,
    tags: given(tags),
    idempotencyKey,
  }),
  payload: documentField,
  run: (input, ctx) => {
    const { id: globalId, idempotencyKey: key, ...update } = input
    const documentId = idOf('SearchDocument', globalId, ['input', 'id']) ?? ''
    return ctx.once({ mutation: 'searchDocumentUpdate', key, input }, async (work): Promise<Made> => {
      await documentUpdate(work, documentId, update)
      return { documentId }
    })
  },
})

mutation('searchDocumentDelete', {
  description: 'Removes a document.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'Which document.',
  input: (t) => ({ id: t.id({ required: true, description: 'The document’s id.' }), idempotencyKey: t.string({ description: KEY }) }),
  validate: z.object({ id, idempotencyKey }),
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: ({ made }) => (made ? toGlobalId('SearchDocument', (made as unknown as Made).documentId) : null),
    }),
  }),
  run: (input, ctx) => {
    const documentId = idOf('SearchDocument', input.id, ['input', 'id']) ?? ''
    return ctx.once({ mutation: 'searchDocumentDelete', key: input.idempotencyKey, input }, async (work): Promise<Made> => {
      await documentDelete(work, documentId)
      return { documentId }
    })
  },
})
