/** Making many facts at once. */
import { z } from 'zod'
import { batchFields, batchKey, batchRules, inPlaces, skippedField, toTold, wantedBy } from '../graphql/batch.ts'
import { builder, rowsOf } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { FactRef } from './fact.graphql.ts'
import { creationFields, creationRules, similarFields, toCreation } from './fact-inputs.graphql.ts'
import { factsCreateMany } from './facts-create-many.ts'
import type { Similar } from './facts-similar.ts'

const MAX_FACTS = 1000

const read = wantedBy(z.object(creationRules), toCreation)

const FactCreateManyItem = builder.inputType('FactCreateManyItem', {
  description: 'One of many facts to be written down.',
  fields: (t) => creationFields(t) as never,
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
  input: (t) => batchFields(t, 'facts', FactCreateManyItem, { one: 'fact', list: `1 to ${MAX_FACTS}.` }),
  validate: z.object(batchRules('facts', MAX_FACTS)),
  run: (input, ctx) => {
    const wanted = input.facts.map(read)
    return ctx.once(batchKey('factCreateMany', input.facts, input), async (work): Promise<MadeMany> => {
      const { facts, similar, skipped } = await factsCreateMany(work, wanted, input.errorPolicy)
      return {
        factIds: facts.map((fact) => fact?.id ?? ''),
        similar: JSON.stringify(similar.flatMap(([likest], index): ManySimilar[] => (likest ? [{ index, ...likest }] : []))),
        skipped: toTold(skipped),
      }
    })
  },
  payload: (t) => ({
    facts: t.prismaField({
      ...rowsOf('facts'),
      type: [FactRef],
      nullable: { list: false, items: true },
      description: 'The facts in the order of the input; null where one was skipped, and none at all where nothing was made.',
      resolve: (query, { made }, _args, ctx) => inPlaces(made?.factIds ?? [], (id) => ctx.db.fact.findMany({ ...query, where: { id } })),
    }),
    similar: t.field({
      ...rowsOf('facts'),
      type: [FactManySimilar],
      description: 'Those of them that another fact of yours says too, or nearly, in the order of the input.',
      resolve: (payload) => (payload.made ? (JSON.parse(payload.made.similar) as ManySimilar[]) : []),
    }),
    skipped: skippedField(t, 'facts'),
  }),
})
