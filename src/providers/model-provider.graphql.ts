/** The type ModelProvider. */
import { seesAll } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { type FilterFields, moment } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { builder } from '../graphql/builder.ts'
import { orderInput, pagesOf } from '../graphql/connection.ts'
import { BooleanFilter, comparators, DateTimeFilter, filterInput, IdFilter, IntFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { nodeLoader } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { ModelPages, ModelRef } from './model.graphql.ts'

const KINDS = {
  OPENAI_COMPATIBLE: { description: 'OpenAI’s chat completions: OpenAI itself, vLLM, LM Studio, llama.cpp, NVIDIA NIM.' },
  ANTHROPIC: { description: 'Anthropic’s messages.' },
  OLLAMA: { description: 'Ollama, with its own list of models.' },
} as const

export const ModelProviderKindEnum = builder.enumType('ModelProviderKind', {
  description: 'The protocol that a provider speaks.',
  values: { ...KINDS, LOCAL: { description: 'The small model on the server’s machine; not set up over the API.' } } as const,
})

const ModelProviderSourceEnum = builder.enumType('ModelProviderSource', {
  description: 'Who set a provider up.',
  values: {
    API: { description: 'An ADMIN, over the API; its key is kept here, encrypted.' },
    ENVIRONMENT: { description: 'The environment of the servers; its key stays there.' },
  } as const,
})

const ModelProviderStatusEnum = builder.enumType('ModelProviderStatus', {
  description: 'What was last seen of a provider.',
  values: {
    UNKNOWN: { description: 'It was not asked yet.' },
    UP: { description: 'It answered.' },
    DOWN: { description: 'It did not answer, or refused; `error` holds its words.' },
  } as const,
})

export const ModelProviderRef = builder.prismaNode('ModelProvider', {
  description: 'A source of models. Everybody sees it; its address, its errors and how its key ends are for ADMINs.',
  id: { field: 'id', description: 'The global id, `ModelProvider:<uuid>`.' },
  select: { id: true },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What comes before the slash in `provider/model`.' }),
    kind: t.expose('kind', { type: ModelProviderKindEnum, description: 'The protocol it speaks.' }),
    source: t.expose('source', { type: ModelProviderSourceEnum, description: 'Who set it up.' }),
    baseUrl: t.string({
      nullable: true,
      select: { baseUrl: true },
      description: 'Where it is; null: where its kind is by default. For ADMINs; null for others.',
      resolve: ({ baseUrl }, _args, ctx) => (seesAll(ctx.actor) ? baseUrl : null),
    }),
    apiKeyHint: t.string({
      nullable: true,
      select: { apiKeyHint: true },
      description:
        'The last 4 characters of its key, to recognise it by; null where it has none here, or one of less than 12 characters. For ADMINs; null for others.',
      resolve: ({ apiKeyHint }, _args, ctx) => (seesAll(ctx.actor) ? apiKeyHint : null),
    }),
    enabled: t.exposeBoolean('enabled', { description: 'Whether it is used.' }),
    priority: t.exposeInt('priority', {
      description: 'The default is the first that can answer: the highest first; among equals those of the environment, then the oldest.',
    }),
    defaultModel: t.exposeString('defaultModel', {
      nullable: true,
      description: 'The model that answers where none is named; null: the first by name that it lists.',
    }),
    maxConcurrency: t.exposeInt('maxConcurrency', { nullable: true, description: 'Most calls at once from one server, others wait; null: any number.' }),
    requestsPerMinute: t.exposeInt('requestsPerMinute', { nullable: true, description: 'Most calls a minute from one server; null: any number.' }),
    timeoutSeconds: t.exposeInt('timeoutSeconds', { nullable: true, description: 'How long a call may take in all; null: any time.' }),
    syncEveryMinutes: t.exposeInt('syncEveryMinutes', { nullable: true, description: 'How often its models are listed anew; null: only by hand.' }),
    status: t.expose('status', { type: ModelProviderStatusEnum, description: 'What was last seen of it.' }),
    error: t.string({
      nullable: true,
      select: { error: true },
      description: 'Its own words about what is wrong, without secrets; null where nothing is. For ADMINs; null for others.',
      resolve: ({ error }, _args, ctx) => (seesAll(ctx.actor) ? error : null),
    }),
    checkedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { checkedAtMs: true },
      description: 'When `status` was last seen; written every few seconds at most.',
      resolve: ({ checkedAtMs }) => toDateOrNull(checkedAtMs),
    }),
    syncedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { syncedAtMs: true },
      description: 'When its models were last listed.',
      resolve: ({ syncedAtMs }) => toDateOrNull(syncedAtMs),
    }),
    nextSyncAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { nextSyncAtMs: true },
      description: 'When its models are listed next; null: only by hand.',
      resolve: ({ nextSyncAtMs }) => toDateOrNull(nextSyncAtMs),
    }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was set up.',
      resolve: ({ createdAtMs }) => toDate(createdAtMs),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When somebody changed it last. What was seen of it does not count.',
      resolve: ({ updatedAtMs }) => toDate(updatedAtMs),
    }),
    models: t.connection(
      {
        type: ModelRef,
        description: 'Its models by name, also those that it does not list any more.',
        resolve: (provider, args, ctx, info) =>
          readRelated(ctx, info, provider.id, {
            typeName: 'Model',
            table: 'Model',
            parent: 'providerId',
            order: [{ column: 'name', kind: 'string', direction: 'ASC' }],
            args,
            delegate: (c) => c.db.model as never,
          }) as never,
      },
      ...ModelPages,
    ),
  }),
})

export const ModelProviderPages = pagesOf(ModelProviderRef, 'ModelProvider', 'model providers')

nodeLoader('ModelProvider', 'PROVIDERS_READ', (ctx, ids, query) => ctx.db.modelProvider.findMany({ ...query, where: { id: { in: ids } } }))

/** Only what everybody sees: else one could ask for the rest by filtering. */
export const ModelProviderFilter = filterInput('ModelProviderFilter', 'Which model providers.', {
  id: { type: IdFilter, description: 'The id.' },
  name: { type: StringFilter, description: 'The name.' },
  kind: { type: comparators('ModelProviderKind', ModelProviderKindEnum as never, 'protocol'), description: 'The protocol.' },
  source: { type: comparators('ModelProviderSource', ModelProviderSourceEnum as never, 'source'), description: 'Who set it up.' },
  status: { type: comparators('ModelProviderStatus', ModelProviderStatusEnum as never, 'status'), description: 'What was last seen of it.' },
  enabled: { type: BooleanFilter, description: 'Whether it is used.' },
  priority: { type: IntFilter, description: 'Its priority.' },
  createdAt: { type: DateTimeFilter, description: 'When it was set up.' },
  updatedAt: { type: DateTimeFilter, description: 'When it was last changed by somebody.' },
})

export const MODEL_PROVIDER_FILTER_FIELDS: FilterFields = {
  id: { column: 'id', write: (value) => idOf('ModelProvider', value as string, ['filter', 'id']) ?? '' },
  name: { column: 'name', required: true },
  kind: { column: 'kind', required: true },
  source: { column: 'source', required: true },
  status: { column: 'status', required: true },
  enabled: { column: 'enabled', required: true },
  priority: { column: 'priority', required: true },
  createdAt: moment('createdAtMs'),
  updatedAt: moment('updatedAtMs'),
}

export const ModelProviderOrder = orderInput('ModelProvider', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was set up.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When it was last changed by somebody.' },
  NAME: { column: 'name', kind: 'string', description: 'Its name, by its letters.' },
  PRIORITY: { column: 'priority', kind: 'integer', description: 'Its priority.' },
})
