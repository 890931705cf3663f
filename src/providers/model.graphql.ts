/** The type Model. */
import { toDate, toDateOrNull } from '../core/clock.ts'
import { type FilterFields, moment } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { orderInput, pagesOf } from '../graphql/connection.ts'
import { BooleanFilter, DateTimeFilter, filterInput, IdFilter, IntFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { nodeLoader } from '../graphql/node.ts'
import type { ModelCapability, ModelDetails } from './model.ts'

export const ModelCapabilityEnum = builder.enumType('ModelCapability', {
  description: 'What a model can do.',
  values: {
    CHAT: { description: 'Answer messages with text.' },
    TOOLS: { description: 'Call tools.' },
    VISION: { description: 'See images.' },
    REASONING: { description: 'Reason before it answers.' },
    EMBEDDING: { description: 'Turn text into vectors.' },
    JSON_SCHEMA: { description: 'Answer as a JSON schema says.' },
  } as const,
})

const price = (column: 'inputPrice' | 'outputPrice' | 'cachedInputPrice', what: string) => ({
  type: 'SafeInt' as const,
  nullable: true as const,
  select: { [column]: true } as never,
  description: `The operator’s price of a million ${what}, in micro-USD (10⁻⁶ USD); null: not set, then the bundled tables count, where they know the model.`,
  resolve: (model: object) => {
    const value = (model as Record<string, bigint | null>)[column]
    return value === null || value === undefined ? null : Number(value)
  },
})

export const ModelRef = builder.prismaNode('Model', {
  description: 'A model of a provider.',
  id: { field: 'id', description: 'The global id, `Model:<uuid>`.' },
  select: { id: true },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'As the provider calls it.' }),
    fullName: t.string({
      select: { name: true, provider: { select: { name: true } } },
      description: 'As it is asked for: `provider/model`.',
      resolve: ({ name, provider }) => `${provider.name}/${name}`,
    }),
    provider: t.relation('provider', { description: 'Whose it is.' }),
    contextLength: t.exposeInt('contextLength', {
      nullable: true,
      description: 'Tokens of input and output together; null: neither the provider nor the operator said.',
    }),
    maxOutputTokens: t.exposeInt('maxOutputTokens', {
      nullable: true,
      description: 'Most tokens of an answer; null: neither the provider nor the operator said.',
    }),
    capabilities: t.field({
      ...weighs(1),
      type: [ModelCapabilityEnum],
      select: { capabilities: true },
      description: 'What it can do, as the provider or the operator says; empty where neither did.',
      resolve: ({ capabilities }) => capabilities as ModelCapability[],
    }),
    inputPriceMicroUsd: t.field(price('inputPrice', 'tokens of input')),
    outputPriceMicroUsd: t.field(price('outputPrice', 'tokens of output')),
    cachedInputPriceMicroUsd: t.field(price('cachedInputPrice', 'tokens of input that the provider had in its cache')),
    enabled: t.exposeBoolean('enabled', { description: 'Whether it may be asked.' }),
    isListed: t.exposeBoolean('isListed', {
      description: 'Whether the provider still lists it; what it never listed counts as listed until it is asked for its list.',
    }),
    details: t.field({
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      select: { details: true },
      description: 'What else the provider says of it, in its own words.',
      resolve: ({ details }) => {
        const { told: _told, ...rest } = (details ?? {}) as ModelDetails
        return rest
      },
    }),
    syncedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { syncedAtMs: true },
      description: 'When something new was last learned of it.',
      resolve: ({ syncedAtMs }) => toDateOrNull(syncedAtMs),
    }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was first seen.',
      resolve: ({ createdAtMs }) => toDate(createdAtMs),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When anything here last changed.',
      resolve: ({ updatedAtMs }) => toDate(updatedAtMs),
    }),
  }),
})

export const ModelPages = pagesOf(ModelRef, 'Model', 'models')

nodeLoader('Model', 'PROVIDERS_READ', (ctx, ids, query) => ctx.db.model.findMany({ ...query, where: { id: { in: ids } } }))

export const ModelFilter = filterInput('ModelFilter', 'Which models.', {
  id: { type: IdFilter, description: 'The id.' },
  providerId: { type: IdFilter, description: 'The id of its provider.' },
  name: { type: StringFilter, description: 'The name.' },
  contextLength: { type: IntFilter, description: 'Tokens of input and output together.' },
  enabled: { type: BooleanFilter, description: 'Whether it may be asked.' },
  isListed: { type: BooleanFilter, description: 'Whether the provider still lists it.' },
  createdAt: { type: DateTimeFilter, description: 'When it was first seen.' },
})

export const MODEL_FILTER_FIELDS: FilterFields = {
  id: { column: 'id', write: (value) => idOf('Model', value as string, ['filter', 'id']) ?? '' },
  providerId: { column: 'providerId', required: true, write: (value) => idOf('ModelProvider', value as string, ['filter', 'providerId']) ?? '' },
  name: { column: 'name', required: true },
  contextLength: { column: 'contextLength' },
  enabled: { column: 'enabled', required: true },
  isListed: { column: 'isListed', required: true },
  createdAt: moment('createdAtMs'),
}

export const ModelOrder = orderInput('Model', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was first seen.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When anything of it last changed.' },
  NAME: { column: 'name', kind: 'string', description: 'Its name, by its letters.' },
})
