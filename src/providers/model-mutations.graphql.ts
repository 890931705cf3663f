/** What the operator says of models. For ADMINs. */
import { z } from 'zod'
import { idOf } from '../core/ids.ts'
import { clearable, given, id, idempotencyKey, whole } from '../core/input.ts'
import { mutation } from '../graphql/mutation.ts'
import { ModelCapabilityEnum, ModelRef } from './model.graphql.ts'
import { MAX_PRICE, MAX_TOKENS, MODEL_CAPABILITIES } from './model.ts'
import { WRITE } from './model-provider-payload.graphql.ts'
import { modelUpdate } from './model-update.ts'

const PRICE = (what: string) =>
  `The price of a million ${what}, in micro-USD (10⁻⁶ USD), 0 to ${MAX_PRICE}; null: the operator says nothing, and the bundled tables count. Input and output have a price together, or neither has.`

mutation('modelUpdate', {
  description:
    'Says what the operator knows better of a model than its provider: prices, lengths, what it can do, whether it may be asked. What is left out stays.',
  rights: WRITE,
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The model’s id.' }),
    inputPriceMicroUsd: t.field({ type: 'SafeInt', description: PRICE('tokens of input') }),
    outputPriceMicroUsd: t.field({ type: 'SafeInt', description: PRICE('tokens of output') }),
    cachedInputPriceMicroUsd: t.field({ type: 'SafeInt', description: PRICE('tokens of input that the provider had in its cache') }),
    contextLength: t.int({ description: `Tokens of input and output together, 1 to ${MAX_TOKENS}; null: what the provider says.` }),
    maxOutputTokens: t.int({ description: `Most tokens of an answer, 1 to ${MAX_TOKENS}; null: what the provider says.` }),
    capabilities: t.field({ type: [ModelCapabilityEnum], description: 'What it can do; null: what the provider says.' }),
    enabled: t.boolean({ description: 'Whether it may be asked.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input changes it once; at most 200 characters.' }),
  }),
  validate: z.object({
    id,
    inputPriceMicroUsd: clearable(whole(0, MAX_PRICE)),
    outputPriceMicroUsd: clearable(whole(0, MAX_PRICE)),
    cachedInputPriceMicroUsd: clearable(whole(0, MAX_PRICE)),
    contextLength: clearable(whole(1, MAX_TOKENS)),
    maxOutputTokens: clearable(whole(1, MAX_TOKENS)),
    capabilities: clearable(z.array(z.enum(MODEL_CAPABILITIES)).max(20, 'Must hold at most 20')),
    enabled: given(z.boolean()),
    idempotencyKey,
  }),
  payload: (t) => ({
    model: t.prismaField({
      type: ModelRef,
      nullable: true,
      description: 'The model as it is now; null where nothing was changed.',
      resolve: (query, payload, _args, ctx) =>
        payload.made ? ctx.db.model.findUnique({ ...query, where: { id: (payload.made as { modelId: string }).modelId } }) : null,
    }),
  }),
  run: (input, ctx) => {
    const {
      id: _id,
      idempotencyKey: _key,
      inputPriceMicroUsd: inputPrice,
      outputPriceMicroUsd: outputPrice,
      cachedInputPriceMicroUsd: cachedInputPrice,
      ...rest
    } = input
    return ctx.once({ mutation: 'modelUpdate', key: input.idempotencyKey, input }, async (work) => {
      const modelId = idOf('Model', input.id, ['input', 'id']) ?? ''
      await modelUpdate(work, modelId, { ...rest, inputPrice, outputPrice, cachedInputPrice })
      return { modelId }
    })
  },
})
