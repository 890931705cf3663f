/** Adding many documents at once. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { BadUserInput, DomainError } from '../core/errors.ts'
import { given, idempotencyKey } from '../core/input.ts'
import { builder, rowsOf } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { told, UserError } from '../graphql/user-errors.ts'
import { insideOf } from './collection.ts'
import { collectionField } from './collections-mutations.graphql.ts'
import { DocumentRef } from './document.graphql.ts'
import { MAX_DOCUMENTS_AT_ONCE } from './document.ts'
import { documentFields, documentRules, intoFields, intoRules, toDocument, toInto } from './document-inputs.graphql.ts'
import { type Asked, documentsAddMany } from './documents-add-many.ts'
import { DocumentOutcome } from './documents-mutations.graphql.ts'
import type { Outcome } from './documents-write.ts'

const DocumentInputRef = builder.inputType('SearchDocumentInput', {
  description: 'One of many documents.',
  fields: (t) => documentFields(t as never) as never,
})

const ErrorPolicyEnum = builder.enumType('SearchErrorPolicy', {
  description: 'What becomes of the others where one of many is at fault.',
  values: {
    REJECT_ALL: { description: 'None is added; `userErrors` tells what is wrong with each, the first 100 faults.' },
    SKIP_FAILED: { description: 'The others are added; `skipped` tells which are not.' },
  },
})

export const IfExistsEnum = builder.enumType('SearchIfExists', {
  description: 'What becomes of a document whose external id is there already.',
  values: {
    FAIL: { description: 'The new one is refused.' },
    REPLACE: { description: 'The new one takes its place, under the id of the old one.' },
    KEEP: { description: 'The old one stays as it is.' },
  } as const,
})

interface Fault {
  code: string
  message: string
  path: string[] | null
}

interface Skipped {
  index: number
  faults: Fault[]
}

const DocumentSkip = builder.objectRef<Skipped>('SearchDocumentSkip').implement({
  description: 'One of many documents that was not added.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place in the input, from 0.' }),
    userErrors: t.field({
      type: [UserError],
      description: 'Why; the first 10 faults.',
      resolve: ({ faults }) => faults.map(({ code, message, path }) => told(new DomainError(code, message, path))),
    }),
  }),
})

/** What is remembered under a key: ids and outcomes in the order of the input, empty where one was skipped. */
type Made = { collectionId: string; documentIds: string[]; outcomes: string[]; skipped: string }

mutation('searchDocumentAddMany', {
  description: `Puts up to ${MAX_DOCUMENTS_AT_ONCE} documents into a collection in one go: all or none of them, or those without fault.`,
  rights: 'SEARCH_WRITE',
  inputDescription: 'Which documents, and where they go.',
  input: (t) => ({
    ...intoFields(t),
    documents: t.field({ type: [DocumentInputRef], required: true, description: `1 to ${MAX_DOCUMENTS_AT_ONCE}.` }),
    ifExists: t.field({ type: IfExistsEnum, defaultValue: 'FAIL', description: 'What becomes of a document whose external id is there already.' }),
    errorPolicy: t.field({ type: ErrorPolicyEnum, defaultValue: 'REJECT_ALL', description: 'What becomes of the others where one is at fault.' }),
    idempotencyKey: t.string({
      description:
        'The same key with the same input gives the same documents, for a day at least; at most 200 characters. Where a document brings an id of your making along, the same input does so without a key.',
    }),
  }),
  validate: z.object({
    ...intoRules,
    // Each is judged by itself.
    documents: z.array(z.unknown()).min(1, 'Must not be empty').max(MAX_DOCUMENTS_AT_ONCE, `Must have at most ${MAX_DOCUMENTS_AT_ONCE} entries`),
    ifExists: given(z.enum(['FAIL', 'REPLACE', 'KEEP'])),
    errorPolicy: given(z.enum(['REJECT_ALL', 'SKIP_FAILED'])),
    idempotencyKey,
  }),
  run: async (input, ctx) => {
    const into = toInto(input)
    const asked = input.documents.map(read)
    const hasIds = asked.some((each) => each.input?.id !== undefined)
    return ctx.once(
      {
        mutation: 'searchDocumentAddMany',
        key: input.idempotencyKey,
        id: hasIds ? createHash('sha256').update(JSON.stringify(input)).digest('base64url') : undefined,
        input,
      },
      async (work): Promise<Made> => {
        const { collectionId, documents, skipped } = await documentsAddMany(work, into, asked, {
          ifExists: input.ifExists ?? 'FAIL',
          policy: input.errorPolicy ?? 'REJECT_ALL',
        })
        return {
          collectionId,
          documentIds: documents.map((each) => each?.documentId ?? ''),
          outcomes: documents.map((each) => each?.outcome ?? ''),
          skipped: JSON.stringify(skipped.map(({ index, errors }): Skipped => ({ index, faults: errors.map(toFault) }))),
        }
      },
    )
  },
  payload: (t) => ({
    ...collectionField(t),
    documents: t.prismaField({
      ...rowsOf('documents'),
      type: [DocumentRef],
      nullable: { list: false, items: true },
      description: 'The documents in the order of the input; null where one was skipped, and none at all where nothing was added.',
      resolve: async (query, { made }, _args, ctx) => {
        const ids = made?.documentIds ?? []
        const rows = ids.length ? await ctx.db.searchDocument.findMany({ ...query, where: { id: { in: ids }, ...insideOf(ctx.actor) } }) : []
        const byId = new Map(rows.map((row) => [row.id, row]))
        return ids.map((each) => byId.get(each) ?? null)
      },
    }),
    outcomes: t.field({
      ...rowsOf('documents'),
      type: [DocumentOutcome],
      nullable: { list: false, items: true },
      description: 'What became of each, in the order of the input; null where one was skipped.',
      resolve: ({ made }) => (made?.outcomes ?? []).map((outcome) => (outcome || null) as Outcome | null),
    }),
    skipped: t.field({
      ...rowsOf('documents'),
      type: [DocumentSkip],
      description: 'Those that were not added though others were (SKIP_FAILED), in the order of the input.',
      resolve: ({ made }) => (made ? (JSON.parse(made.skipped) as Skipped[]) : []),
    }),
  }),
})

const toFault = ({ code, message, inputPath: path }: DomainError): Fault => ({ code, message, path })

const rules = z.object(documentRules)

/** One of many, with everything that is wrong with how it is asked for. */
function read(item: unknown): Asked {
  const parsed = rules.safeParse(item)
  if (!parsed.success)
    return {
      input: null,
      faults: parsed.error.issues.map(({ message, path }) => new BadUserInput(`${message.replace(/\.$/, '')}.`, ['input', ...path.map(String)])),
    }
  try {
    return { input: toDocument(parsed.data), faults: [] }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { input: null, faults: [error] }
  }
}
