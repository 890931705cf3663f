/** Making many facts at once. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { BadUserInput, DomainError } from '../core/errors.ts'
import { given, idempotencyKey } from '../core/input.ts'
import { builder, rowsOf } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { told, UserError } from '../graphql/user-errors.ts'
import { FactRef } from './fact.graphql.ts'
import { creationFields, creationRules, similarFields, toCreation } from './fact-inputs.graphql.ts'
import { type ErrorPolicy, factsCreateMany, type Wanted } from './facts-create-many.ts'
import type { Similar } from './facts-similar.ts'

const MAX_FACTS = 1000

const FactCreateManyItem = builder.inputType('FactCreateManyItem', {
  description: 'One of many facts to be written down.',
  fields: (t) => creationFields(t) as never,
})

const FactErrorPolicy = builder.enumType('FactErrorPolicy', {
  description: 'What becomes of the others where one of many is at fault.',
  values: {
    REJECT_ALL: { description: 'None is made; `userErrors` tells what is wrong with each, the first 100 faults.' },
    SKIP_FAILED: { description: 'The others are made; `skipped` tells which are not.' },
  } satisfies Record<ErrorPolicy, object>,
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

const FactSkip = builder.objectRef<Skipped>('FactSkip').implement({
  description: 'One of many facts that was not made.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place in the input, from 0.' }),
    userErrors: t.field({
      type: [UserError],
      description: 'Why; the first 10 faults.',
      resolve: ({ faults }) => faults.map(({ code, message, path }) => told(new DomainError(code, message, path))),
    }),
  }),
})

interface ManySimilar extends Similar {
  index: number
}

const FactManySimilar = builder.objectRef<ManySimilar>('FactManySimilar').implement({
  description: 'One of many facts that another one says too, or nearly: the likest there is, which may be made with it.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place in the input, from 0.' }),
    ...similarFields(t),
  }),
})

/** What is remembered under a key. */
type MadeMany = {
  /** In the order of the input; empty: skipped. */
  factIds: string[]
  similar: string
  skipped: string
}

mutation('factCreateMany', {
  description: 'Writes many facts down in one go, as `factCreate` does one: all or none of them, or those without fault.',
  rights: 'FACTS_WRITE',
  inputDescription: 'Which facts.',
  input: (t) => ({
    facts: t.field({ type: [FactCreateManyItem], required: true, description: `1 to ${MAX_FACTS}.` }),
    errorPolicy: t.field({ type: FactErrorPolicy, defaultValue: 'REJECT_ALL', description: 'What becomes of the others where one is at fault.' }),
    idempotencyKey: t.string({
      description:
        'The same key with the same input gives the same facts, for a day at least; at most 200 characters. Where a fact brings an id of your making along, the same input does so without a key.',
    }),
  }),
  validate: z.object({
    // Each is judged by itself.
    facts: z.array(z.unknown()).min(1, 'Must not be empty').max(MAX_FACTS, `Must have at most ${MAX_FACTS} entries`),
    errorPolicy: given(z.enum(['REJECT_ALL', 'SKIP_FAILED'])),
    idempotencyKey,
  }),
  run: (input, ctx) => {
    const wanted = input.facts.map(read)
    const hasIds = input.facts.some((fact) => (fact as { id?: unknown }).id != null)
    return ctx.once(
      { mutation: 'factCreateMany', key: input.idempotencyKey, id: hasIds ? hashOf(input) : undefined, input },
      async (work): Promise<MadeMany> => {
        const { facts, similar, skipped } = await factsCreateMany(work, wanted, input.errorPolicy ?? 'REJECT_ALL')
        return {
          factIds: facts.map((fact) => fact?.id ?? ''),
          similar: JSON.stringify(similar.flatMap(([likest], index): ManySimilar[] => (likest ? [{ index, ...likest }] : []))),
          skipped: JSON.stringify(skipped.map(({ index, errors }): Skipped => ({ index, faults: errors.map(toFault) }))),
        }
      },
    )
  },
  payload: (t) => ({
    facts: t.prismaField({
      ...rowsOf('facts'),
      type: [FactRef],
      nullable: { list: false, items: true },
      description: 'The facts in the order of the input; null where one was skipped, and none at all where nothing was made.',
      resolve: async (query, payload, _args, ctx) => {
        const ids = payload.made?.factIds ?? []
        const rows = await ctx.db.fact.findMany({ ...query, where: { id: { in: ids } } })
        const byId = new Map(rows.map((row) => [row.id, row]))
        return ids.map((id) => byId.get(id) ?? null)
      },
    }),
    similar: t.field({
      ...rowsOf('facts'),
      type: [FactManySimilar],
      description: 'Those of them that another fact of yours says too, or nearly, in the order of the input.',
      resolve: (payload) => (payload.made ? (JSON.parse(payload.made.similar) as ManySimilar[]) : []),
    }),
    skipped: t.field({
      ...rowsOf('facts'),
      type: [FactSkip],
      description: 'Those that were not made though others were (SKIP_FAILED), in the order of the input.',
      resolve: (payload) => (payload.made ? (JSON.parse(payload.made.skipped) as Skipped[]) : []),
    }),
  }),
})

const toFault = ({ code, message, inputPath: path }: DomainError): Fault => ({ code, message, path })

const rules = z.object(creationRules)

/** One of many, with everything that is wrong with how it is asked for. */
function read(item: unknown): Wanted {
  const parsed = rules.safeParse(item)
  if (!parsed.success)
    return {
      creation: null,
      faults: parsed.error.issues.map(({ message, path }) => new BadUserInput(`${message.replace(/\.$/, '')}.`, ['input', ...path.map(String)])),
    }
  try {
    return { creation: toCreation(parsed.data), faults: [] }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { creation: null, faults: [error] }
  }
}

const hashOf = (input: object): string => createHash('sha256').update(JSON.stringify(input)).digest('base64url')
