/** Making, changing and removing facts. */
import { z } from 'zod'
import { idOf, toGlobalId } from '../core/ids.ts'
import { given, id, idempotencyKey } from '../core/input.ts'
import { mutation } from '../graphql/mutation.ts'
import { factCreate } from './fact-create.ts'
import { factDelete } from './fact-delete.ts'
import {
  creationFields,
  creationRules,
  FACT_TEXT,
  type FactMade,
  factField,
  factText,
  METADATA,
  metadata,
  similarField,
  sourceId,
  TAGS,
  tags,
  toCreation,
} from './fact-inputs.graphql.ts'
import { factUpdate } from './fact-update.ts'

const KEY = 'The same key with the same input has one effect, for a day at least; at most 200 characters.'

mutation('factCreate', {
  description: 'Writes a fact down. Which other facts of yours say the same, or nearly, is pointed out in `similar`; it is written down all the same.',
  rights: 'FACTS_WRITE',
  inputDescription: 'What is known, and where it comes from.',
  input: (t) => ({ ...creationFields(t), idempotencyKey: t.string({ description: KEY }) }),
  validate: z.object({ ...creationRules, idempotencyKey }),
  payload: (t) => ({ fact: factField(t), similar: similarField(t) }),
  run: async (input, ctx) => {
    const { idempotencyKey: key, ...given } = input
    const creation = toCreation(given)
    return ctx.once({ mutation: 'factCreate', key, id: input.id, input }, async (work): Promise<FactMade> => {
      const { fact, similar } = await factCreate(work, creation)
      return { factId: fact.id, similar: JSON.stringify(similar) }
    })
  },
})

mutation('factUpdate', {
  description: 'Changes what a fact says. What is left out stays; null clears. With another text, `similar` tells again which facts say the same, or nearly.',
  rights: 'FACTS_WRITE',
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The fact’s id.' }),
    text: t.string({ description: FACT_TEXT }),
    tags: t.stringList({ description: `${TAGS} These take the place of all it has.` }),
    metadata: t.field({ type: 'JSON', description: METADATA }),
    taskId: t.id({ description: 'A task of its owner’s that it comes from.' }),
    messageId: t.id({ description: 'A message of its owner’s that it comes from.' }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id, text: given(factText), tags: tags.nullish(), metadata, taskId: id.nullish(), messageId: id.nullish(), idempotencyKey }),
  payload: (t) => ({ fact: factField(t), similar: similarField(t) }),
  run: async (input, ctx) => {
    const { id: globalId, idempotencyKey: key, taskId, messageId, ...rest } = input
    const factId = idOf('Fact', globalId, ['input', 'id']) ?? ''
    const update = { ...rest, taskId: sourceId('Task', taskId, 'taskId'), messageId: sourceId('Message', messageId, 'messageId') }
    return ctx.once(
      { mutation: 'factUpdate', key, input },
      async (work): Promise<FactMade> => ({
        factId,
        similar: JSON.stringify(await factUpdate(work, factId, update)),
      }),
    )
  },
})

mutation('factDelete', {
  description: 'Removes a fact. The log keeps what it said as long as it keeps everything.',
  rights: 'FACTS_WRITE',
  inputDescription: 'Which fact.',
  input: (t) => ({ id: t.id({ required: true, description: 'The fact’s id.' }), idempotencyKey: t.string({ description: KEY }) }),
  validate: z.object({ id, idempotencyKey }),
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: (payload) => (payload.made ? toGlobalId('Fact', (payload.made as unknown as { factId: string }).factId) : null),
    }),
  }),
  run: (input, ctx) => {
    const factId = idOf('Fact', input.id, ['input', 'id']) ?? ''
    return ctx.once({ mutation: 'factDelete', key: input.idempotencyKey, input }, async (work) => {
      await factDelete(work, factId)
      return { factId }
    })
  },
})
