/** The type ProviderUsage. */
import { ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { builder } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import { nodeLoader, nodeOf } from '../graphql/node.ts'
import type { KeptPrice } from './price.ts'
import './usage-invariants.ts'
import { ConversationRef } from '../conversations/conversation.graphql.ts'
import { MessageRef } from '../conversations/message.graphql.ts'
import { StreamRef } from '../streams/stream.graphql.ts'
import { TaskRef } from '../tasks/task.graphql.ts'

export const UsageStatusEnum = builder.enumType('UsageStatus', {
  description: 'How a call of a provider stands.',
  values: {
    RUNNING: { description: 'Under way.' },
    COMPLETED: { description: 'Ended well. Final.' },
    FAILED: { description: 'It failed; `error` holds the provider’s words. Final.' },
    CANCELLED: { description: 'Ended by request. Final.' },
    INTERRUPTED: { description: 'The server that made it died. Final.' },
    BUDGET_EXCEEDED: { description: 'A budget stopped it. Final.' },
  } as const,
})

export const PriceSourceEnum = builder.enumType('PriceSource', {
  description: 'Where a price is from.',
  values: {
    OPERATOR: { description: 'The operator set it.' },
    BUNDLED: { description: 'The tables that come along.' },
    UNKNOWN: { description: 'Nobody knows it: then the cost is null, and never taken for 0.' },
  } as const,
})

interface ModelRates {
  input: number
  output: number
  cachedInput: number
}

const rates = (t: PothosFieldBuilder) => ({
  inputMicroUsd: t.field({ type: 'SafeInt', description: 'Micro-USD for a million input tokens.', resolve: (price) => price.input }),
  outputMicroUsd: t.field({
    type: 'SafeInt',
    description: 'Micro-USD for a million output tokens, those of reasoning among them.',
    resolve: (price) => price.output,
  }),
  cachedInputMicroUsd: t.field({
    type: 'SafeInt',
    description: 'Micro-USD for a million input tokens that the provider had kept.',
    resolve: (price) => price.cachedInput,
  }),
})
type PothosFieldBuilder = Parameters<Parameters<ReturnType<typeof builder.objectRef<ModelRates>>['implement']>[0]['fields'] & object>[0]

const PriceStep = builder.objectRef<ModelRates & { inputTokens: number }>('ModelPriceStep').implement({
  description: 'Other prices, for all tokens of a call, where its input is long.',
  fields: (t) => ({
    aboveInputTokens: t.exposeInt('inputTokens', { description: 'They hold where the input has more tokens than this.' }),
    ...rates(t as never),
  }),
})

export const ModelPriceRef = builder.objectRef<KeptPrice>('ModelPrice').implement({
  description: 'What the tokens of a model cost, in 10^-6 USD for a million of them. A call’s cost is exact, and rounded up to a micro-USD once.',
  fields: (t) => ({
    ...rates(t as never),
    steps: t.field({ type: [PriceStep], description: 'Other prices for long inputs, the longest first; mostly none.', resolve: (price) => price.above ?? [] }),
  }),
})

const numberOrNull = (value: bigint | null): number | null => (value === null ? null : Number(value))

export const ProviderUsageRef = builder.prismaNode('ProviderUsage', {
  description: 'One call of a provider: what it used, and what it cost.',
  id: { field: 'id', description: 'The global id, `ProviderUsage:<uuid>`.' },
  select: { id: true, ownerId: true },
  fields: (t) => ({
    provider: t.exposeString('provider', { description: 'The provider’s name.' }),
    model: t.exposeString('model', { description: 'The model, without the provider’s name.' }),
    status: t.expose('status', { type: UsageStatusEnum, description: 'How it stands.' }),
    inputTokens: t.exposeInt('inputTokens', { nullable: true, description: 'Tokens that it was given; while it runs, as counted here.' }),
    cachedInputTokens: t.exposeInt('cachedInputTokens', {
      nullable: true,
      description: 'Of the input tokens, those that the provider had kept; null: it did not say.',
    }),
    outputTokens: t.exposeInt('outputTokens', { nullable: true, description: 'Tokens that it answered; null while it runs.' }),
    reasoningTokens: t.exposeInt('reasoningTokens', {
      nullable: true,
      description: 'Of the output tokens, those of reasoning; null: the provider did not say.',
    }),
    isCounted: t.exposeBoolean('isCounted', { description: 'Whether tokens were counted here, because the provider did not say how many there were.' }),
    costMicroUsd: t.field({
      type: 'SafeInt',
      nullable: true,
      select: { costMicroUsd: true },
      description: 'What it cost, in 10^-6 USD; null while it runs, and where nobody knows the price.',
      resolve: (usage) => numberOrNull(usage.costMicroUsd),
    }),
    priceSource: t.expose('priceSource', { type: PriceSourceEnum, description: 'Where its price is from.' }),
    price: t.field({
      type: ModelPriceRef,
      nullable: true,
      select: { price: true },
      description: 'The price that it is charged by, as it was when it began; null where nobody knows it.',
      resolve: (usage) => usage.price as KeptPrice | null,
    }),
    timeToFirstTokenMs: t.exposeInt('timeToFirstTokenMs', {
      nullable: true,
      description: 'Milliseconds to the first word; null where none came, or nobody was left to tell.',
    }),
    durationMs: t.exposeInt('durationMs', { nullable: true, description: 'How long it took, in milliseconds; null while it runs.' }),
    finishReason: t.exposeString('finishReason', { nullable: true, description: 'Why the model ended, in its provider’s words.' }),
    error: t.exposeString('error', { nullable: true, description: 'What went wrong, in the provider’s words.' }),
    taskType: t.exposeString('taskType', { nullable: true, description: 'The type of the task that made it.' }),
    attempt: t.exposeInt('attempt', { nullable: true, description: 'Which attempt at the task made it.' }),
    step: t.exposeInt('step', { description: 'Which call of its answer it was, from 1: a model that calls tools is called again with what they said.' }),
    startedAt: t.field({
      type: 'DateTime',
      select: { startedAtMs: true },
      description: 'When it began, by the database’s clock.',
      resolve: (usage) => toDate(usage.startedAtMs),
    }),
    endedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { endedAtMs: true },
      description: 'When its end was written down; null while it runs.',
      resolve: (usage) => toDateOrNull(usage.endedAtMs),
    }),
    task: t.field({
      type: TaskRef,
      nullable: true,
      select: { taskId: true },
      description: 'The task that made it; null once it is deleted.',
      resolve: async (usage, _args, ctx, info) => nodeOf(ctx, info, 'Task', usage.taskId),
    }),
    stream: t.field({
      type: StreamRef,
      nullable: true,
      select: { streamId: true },
      description: 'The stream that its words went into; null once it is deleted.',
      resolve: async (usage, _args, ctx, info) => nodeOf(ctx, info, 'Stream', usage.streamId),
    }),
    conversation: t.field({
      type: ConversationRef,
      nullable: true,
      select: { conversationId: true },
      description: 'The conversation that it answered in; null once it is deleted.',
      resolve: async (usage, _args, ctx, info) => nodeOf(ctx, info, 'Conversation', usage.conversationId),
    }),
    message: t.field({
      type: MessageRef,
      nullable: true,
      select: { messageId: true },
      description: 'The message that it wrote; null once it is deleted.',
      resolve: async (usage, _args, ctx, info) => nodeOf(ctx, info, 'Message', usage.messageId),
    }),
    owner: t.relation('owner', { description: 'Whose it is: who the task belongs to.' }),
  }),
})

export const UsagePages = pagesOf(ProviderUsageRef, 'ProviderUsage', 'calls of providers')

nodeLoader('ProviderUsage', 'USAGE_READ', (ctx, ids, query) => ctx.db.providerUsage.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }))
