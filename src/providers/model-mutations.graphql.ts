/** What the operator says of models. For ADMINs. */
import { z } from 'zod'
import { idOf, newIdOf } from '../core/ids.ts'
import { clearable, given, id, idempotencyKey, name, optionalId, optionalWhole, whole } from '../core/input.ts'
import { type InputBuilder, mutation } from '../graphql/mutation.ts'
import { ModelCapabilityEnum, ModelRef } from './model.graphql.ts'
import { MAX_PRICE, MAX_TOKENS, MODEL_CAPABILITIES } from './model.ts'
import { MAX_MODELS, modelCreate } from './model-create.ts'
import { modelDelete } from './model-delete.ts'
import { WRITE } from './model-provider-payload.graphql.ts'
import { modelUpdate } from './model-update.ts'
import { MAX_MODEL_NAME } from './read-list.ts'

const capabilities = z.array(z.enum(MODEL_CAPABILITIES)).max(20, 'Must hold at most 20')

const PRICE = (what: string) =>
  `The price of a million ${what}, in micro-USD (10⁻⁶ USD), 0 to ${MAX_PRICE}; null: the operator says nothing, and the bundled tables count. Input and output have a price together, or neither has.`

const modelField = (t: PayloadBuilder) => ({
  model: t.prismaField({
    type: ModelRef,
    nullable: true,
    description: 'The model as it is now; null where nothing was changed.',
    resolve: (query, payload, _args, ctx) => (payload.made ? ctx.db.model.findUnique({ ...query, where: { id: (payload.made as Made).modelId } }) : null),
  }),
})
type Made = { modelId: string }
type PayloadBuilder = Parameters<Parameters<typeof mutation<never, never, Made>>[1]['payload']>[0]

const priceFields = (t: InputBuilder) => ({
  inputPriceMicroUsd: t.field({ type: 'SafeInt', description: PRICE('tokens of input') }),
  outputPriceMicroUsd: t.field({ type: 'SafeInt', description: PRICE('tokens of output') }),
  cachedInputPriceMicroUsd: t.field({ type: 'SafeInt', description: PRICE('tokens of input that the provider had in its cache') }),
})

mutation('modelCreate', {
  description: `Writes a model down that its provider does not list, with what the operator knows of it. A provider has at most ${MAX_MODELS}.`,
  rights: WRITE,
  inputDescription: 'Which model, of which provider.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `Model:<UUIDv7>`, so that sending this again is harmless.' }),
    providerId: t.id({ required: true, description: 'The id of its provider.' }),
    name: t.string({ required: true, description: `As the provider calls it, 1 to ${MAX_MODEL_NAME} characters.` }),
    ...priceFields(t),
    contextLength: t.int({ description: `Tokens of input and output together, 1 to ${MAX_TOKENS}.` }),
    maxOutputTokens: t.int({ description: `Most tokens of an answer, 1 to ${MAX_TOKENS}.` }),
    capabilities: t.field({ type: [ModelCapabilityEnum], description: 'What it can do.' }),
    enabled: t.boolean({ description: 'Whether it may be asked; true at first.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same model, for a day at least; at most 200 characters.' }),
  }),
  validate: z.object({
    id: optionalId,
    providerId: id,
    name: name(MAX_MODEL_NAME),
    inputPriceMicroUsd: optionalWhole(0, MAX_PRICE),
    outputPriceMicroUsd: optionalWhole(0, MAX_PRICE),
    cachedInputPriceMicroUsd: optionalWhole(0, MAX_PRICE),
    contextLength: optionalWhole(1, MAX_TOKENS),
    maxOutputTokens: optionalWhole(1, MAX_TOKENS),
    capabilities: given(capabilities),
    enabled: given(z.boolean()),
    idempotencyKey,
  }),
  payload: modelField,
  run: async (input, ctx) => {
    const { idempotencyKey: key, inputPriceMicroUsd: inputPrice, outputPriceMicroUsd: outputPrice, cachedInputPriceMicroUsd: cachedInputPrice, ...rest } = input
    const ids = {
      id: input.id === undefined ? undefined : newIdOf('Model', input.id),
      providerId: idOf('ModelProvider', input.providerId, ['input', 'providerId']) ?? '',
    }
    return ctx.once({ mutation: 'modelCreate', key, id: input.id, input }, async (work) => ({
      modelId: await modelCreate(work, { ...rest, ...ids, inputPrice, outputPrice, cachedInputPrice }),
    }))
  },
})

mutation('modelDelete', {
  description: 'Removes a model with its prices. What it was used for stays in the usage. One that its provider lists is switched off instead.',
  rights: WRITE,
  inputDescription: 'Which model.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The model’s id.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input has one effect; at most 200 characters.' }),
  }),
  validate: z.object({ id, idempotencyKey }),
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: (payload) => (payload.made ? `Model:${(payload.made as Made).modelId}` : null),
    }),
  }),
  run: (input, ctx) =>
    ctx.once({ mutation: 'modelDelete', key: input.idempotencyKey, input }, async (work) => {
      const modelId = idOf('Model', input.id, ['input', 'id']) ?? ''
      await modelDelete(work, modelId)
      return { modelId }
    }),
})

mutation('modelUpdate', {
  description:
    'Says what the operator knows better of a model than its provider: prices, lengths, what it can do, whether it may be asked. What is left out stays.',
  rights: WRITE,
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The model’s id.' }),
    ...priceFields(t),
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
    capabilities: clearable(capabilities),
    enabled: given(z.boolean()),
    idempotencyKey,
  }),
  payload: modelField,
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
