/** The type Conversation, and what other types show of conversations. */

import { queryFromInfo } from '@pothos/plugin-prisma'
import { ContextRuleRef } from '../context/context-rule.graphql.ts'
import { hasScope, ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { NEWEST_FIRST, pagesOf } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { loadNodes, nodeLoader } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { siblings } from '../graphql/siblings.ts'
import type { ConversationSettings } from './conversation.ts'
import { readWay } from './conversation-way.graphql.ts'
import { HistoryRuleEnum } from './history-rule.graphql.ts'
import { MessagePages, MessageRef } from './message.graphql.ts'

const MessagesOrder = builder.enumType('MessagesOrder', {
  description: 'Which way the messages of a conversation are listed.',
  values: { OLDEST_FIRST: { description: 'As they were said.' }, NEWEST_FIRST: { description: 'The last one first.' } } as const,
})

const ConversationSettingsRef = builder.objectRef<ConversationSettings>('ConversationSettings').implement({
  description: 'How answers are made where a send does not say otherwise; what is null is as the model or the server has it.',
  fields: (t) => ({
    temperature: t.float({ nullable: true, description: 'From 0 (steady) to 2 (wild).', resolve: (settings) => settings.temperature ?? null }),
    maxOutputTokens: t.int({ nullable: true, description: 'An answer ends after so many tokens.', resolve: (settings) => settings.maxOutputTokens ?? null }),
    tools: t.stringList({ nullable: true, description: 'Names of tools that the model may call.', resolve: (settings) => settings.tools ?? null }),
    fallbackModels: t.stringList({
      nullable: true,
      description: 'Models to ask, in this order, where the first cannot answer.',
      resolve: (settings) => settings.fallbackModels ?? null,
    }),
    memory: t.boolean({
      description: 'Whether the last turns of earlier conversations with the same agent and session key go along.',
      resolve: (settings) => settings.memory ?? false,
    }),
    history: t.field({
      type: HistoryRuleEnum,
      description: 'What becomes of the turns that the model has no room for.',
      resolve: (settings) => settings.history ?? 'DROP',
    }),
    context: t.field({
      type: ContextRuleRef,
      nullable: true,
      description: 'What of what its owner has stored goes along with each answer; null: nothing.',
      resolve: (settings) => settings.context ?? null,
    }),
  }),
})

export const ConversationRef = builder.prismaNode('Conversation', {
  description: 'A way through a tree of messages, from the first to its head. A fork is another way that shares its beginning.',
  id: { field: 'id', description: 'The global id, `Conversation:<uuid>`.' },
  select: { id: true, ownerId: true },
  fields: (t) => ({
    title: t.exposeString('title', { nullable: true, description: 'What it is about, for people.' }),
    agent: t.exposeString('agent', { nullable: true, description: 'The agent that answers in it.' }),
    sessionKey: t.exposeString('sessionKey', { nullable: true, description: 'What joins several conversations and tasks of an agent.' }),
    system: t.exposeString('system', { ...weighs(5), nullable: true, description: 'Instructions that go before all else.' }),
    model: t.exposeString('model', { nullable: true, description: 'The model that answers, as `provider/model`; null: the default of this server.' }),
    settings: t.field({
      type: ConversationSettingsRef,
      select: { settings: true },
      description: 'How answers are made.',
      resolve: (conversation) => conversation.settings as unknown as ConversationSettings,
    }),
    metadata: t.field({
      ...weighs(LONG_VALUE / 5),
      type: 'JSON',
      nullable: true,
      select: { metadata: true },
      description: 'What its owner keeps with it.',
      resolve: (conversation) => conversation.metadata,
    }),
    archivedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { archivedAtMs: true },
      description: 'When it was put away; null: it is not.',
      resolve: (conversation) => toDateOrNull(conversation.archivedAtMs),
    }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was made.',
      resolve: (conversation) => toDate(conversation.createdAtMs),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When something was last said in it, or it was changed; the end of an answer does not count.',
      resolve: (conversation) => toDate(conversation.updatedAtMs),
    }),
    owner: t.relation('owner', { description: 'Whose it is.' }),
    task: t.relation('task', { nullable: true, description: 'The task that it arose from.' }),
    forkedFrom: t.relation('forkedFrom', {
      nullable: true,
      description: 'The conversation that it began in; null where it is no fork, and once that is deleted.',
    }),
    forkedAt: t.field({
      type: MessageRef,
      nullable: true,
      select: { forkedAtMessageId: true },
      description: 'The message that it began at, where it is a fork.',
      resolve: async (conversation, _args, ctx, info) => messageNode(ctx, info, conversation.forkedAtMessageId),
    }),
    head: t.field({
      type: MessageRef,
      nullable: true,
      select: { headId: true },
      description: 'The last message of the way that is followed now; null while it is empty.',
      resolve: async (conversation, _args, ctx, info) => messageNode(ctx, info, conversation.headId),
    }),
    messages: t.connection(
      {
        type: MessageRef,
        select: { headId: true },
        args: { order: t.arg({ type: MessagesOrder, defaultValue: 'OLDEST_FIRST', description: 'Which end comes first.' }) },
        description: 'Its messages, from the first to the head; what was said beside them is in their `siblings`.',
        resolve: (conversation, args, ctx, info) => readWay(ctx, info, conversation.headId, args.order === 'NEWEST_FIRST', args) as never,
      },
      ...MessagePages,
    ),
  }),
})

async function messageNode(ctx: Context, info: Parameters<typeof loadNodes>[1], id: string | null) {
  return (id ? ((await loadNodes(ctx, info, [`Message:${id}`], ['id']))[0] ?? null) : null) as never
}

export const ConversationPages = pagesOf(ConversationRef, 'Conversation', 'conversations')

builder.prismaObjectField('Conversation', 'forks', (t) =>
  t.connection(
    {
      type: ConversationRef,
      description: 'The conversations that began in it, newest first.',
      resolve: (conversation, args, ctx, info) =>
        readRelated(ctx, info, conversation.id, {
          typeName: 'Conversation',
          table: 'Conversation',
          parent: 'forkedFromId',
          order: NEWEST_FIRST,
          args,
          delegate: (c) => c.db.conversation as never,
        }) as never,
    },
    ...ConversationPages,
  ),
)

builder.prismaObjectField('Task', 'messages', (t) =>
  t.connection(
    {
      type: MessageRef,
      authScopes: { scope: 'CONVERSATIONS_READ' },
      description: 'What was said in the conversations that arose from it, and the answer that it writes, oldest first.',
      resolve: (task, args, ctx, info) =>
        readRelated(ctx, info, task.id, {
          typeName: 'Message',
          table: 'Message',
          parent: 'taskId',
          belongs: (of) => Prisma.sql`("taskId" = ${of} OR "conversationId" IN (SELECT "id" FROM "Conversation" WHERE "Conversation"."taskId" = ${of}))`,
          order: [{ column: 'createdAtMs', kind: 'bigint', direction: 'ASC' }],
          args,
          delegate: (c) => c.db.message as never,
        }) as never,
    },
    ...MessagePages,
  ),
)

builder.prismaObjectField('Stream', 'message', (t) =>
  t.field({
    type: MessageRef,
    nullable: true,
    select: { producerTaskId: true },
    description: 'The answer of a conversation that it brings, also where that has another attempt since; null where it brings none.',
    resolve: (stream, _args, ctx, info) =>
      stream.producerTaskId && hasScope(ctx.actor, 'CONVERSATIONS_READ') ? (ofTask(ctx, info).load(stream.producerTaskId) as never) : null,
  }),
)

/** The answers that tasks write, by the task. */
const ofTask = (ctx: Context, info: Parameters<typeof loadNodes>[1]) =>
  ctx.loader(`Stream.message:${info.fieldNodes[0]?.loc?.start}`, () => {
    const query = queryFromInfo({ context: ctx, info, typeName: 'Message', select: { id: true, taskId: true } as never })
    return siblings<object | null>(async (ids) => {
      const rows = (await ctx.db.message.findMany({ ...(query as object), where: { taskId: { in: [...ids] }, ...ownedBy(ctx.actor) } })) as { taskId: string }[]
      const byTask = new Map(rows.map((row) => [row.taskId, row]))
      return ids.map((id) => byTask.get(id) ?? null)
    })
  })

nodeLoader('Conversation', 'CONVERSATIONS_READ', (ctx, ids, query) =>
  ctx.db.conversation.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }),
)
