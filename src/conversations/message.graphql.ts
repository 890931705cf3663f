/** The type Message. */
import { ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import { nodeLoader, nodeOf } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { StreamRef } from '../streams/stream.graphql.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import './conversation-invariants.ts'
import type { HistoryTold } from './history.ts'
import type { MessagePart } from './message.ts'
import { MessagePartRef, PARTS_WEIGHT } from './message-part.graphql.ts'

/** A page of 100 texts weighs a fifth of what an operation may; most of them are short. */
const TEXT_WEIGHT = 20

const MessageRoleEnum = builder.enumType('MessageRole', {
  description: 'Who speaks in a message.',
  values: {
    SYSTEM: { description: 'Instructions.' },
    USER: { description: 'The person, or program, that asks.' },
    ASSISTANT: { description: 'The model.' },
  } as const,
})

const MessageStatusEnum = builder.enumType('MessageStatus', {
  description: 'Where a message is in its life.',
  values: {
    PENDING: { description: 'An answer that was not begun yet, or waits for another attempt.' },
    STREAMING: { description: 'An answer that is being written: follow `stream`.' },
    COMPLETED: { description: 'Whole. What a user says is so from the start.' },
    FAILED: { description: 'The answer failed; `error` says why. What came of it is kept.' },
    CANCELLED: { description: 'The answer was stopped by request. What came of it is kept.' },
    INTERRUPTED: { description: 'The server that wrote the answer died, and no attempt is left. What came of it is kept.' },
  } as const,
})

const MessageHistory = builder.objectRef<HistoryTold>('MessageHistory').implement({
  description: 'What the model was given for an answer, of what was said before.',
  fields: (t) => ({
    sent: t.exposeInt('sent', { description: 'How many messages of the conversation.' }),
    dropped: t.exposeInt('dropped', { description: 'How many before them were left out, for want of room.' }),
    remembered: t.exposeInt('remembered', { description: 'How many messages of earlier conversations, where the agent remembers.' }),
    summarised: t.int({ description: 'How many before them a summary told of.', resolve: ({ summary }) => summary?.messages ?? 0 }),
    summary: t.string({ nullable: true, description: 'That summary, in the model’s words.', resolve: ({ summary }) => summary?.text ?? null }),
    summaryError: t.exposeString('summaryError', {
      nullable: true,
      description: 'Why some were left out that should have been summed up.',
    }),
  }),
})

const OLDEST_FIRST = [{ column: 'createdAtMs', kind: 'bigint', direction: 'ASC' }] as const

export const MessageRef = builder.prismaNode('Message', {
  description: 'One turn of a conversation.',
  id: { field: 'id', description: 'The global id, `Message:<uuid>`.' },
  select: { id: true, ownerId: true },
  fields: (t) => ({
    role: t.expose('role', { type: MessageRoleEnum, description: 'Who speaks.' }),
    status: t.expose('status', { type: MessageStatusEnum, description: 'Where it is in its life.' }),
    agent: t.exposeString('agent', { nullable: true, description: 'The agent that says it.' }),
    depth: t.exposeInt('depth', { description: 'How many messages come before it.' }),
    text: t.exposeString('text', { ...weighs(TEXT_WEIGHT), description: 'Its TEXT parts, joined. Of an answer that is being written, follow `stream`.' }),
    parts: t.field({
      ...PARTS_WEIGHT,
      type: [MessagePartRef],
      select: { parts: true },
      description: 'What it is made of, in order.',
      resolve: (message) => message.parts as unknown as MessagePart[],
    }),
    inputTokens: t.exposeInt('inputTokens', {
      nullable: true,
      description: 'Of an answer: the tokens the model was given, the whole history. Null where nobody said.',
    }),
    outputTokens: t.exposeInt('outputTokens', { nullable: true, description: 'Of an answer: the tokens the model made. Null where nobody said.' }),
    responseTimeMs: t.exposeInt('responseTimeMs', { nullable: true, description: 'Of an answer: from the send to its end, in milliseconds.' }),
    toolsInvoked: t.field({
      type: ['String'],
      select: { toolsInvoked: true },
      description: 'The tools that were called for it.',
      resolve: (message) => message.toolsInvoked as string[],
    }),
    provider: t.exposeString('provider', { nullable: true, description: 'The model’s provider.' }),
    model: t.exposeString('model', { nullable: true, description: 'The model that was asked, and once it answers, that does.' }),
    finishReason: t.exposeString('finishReason', { nullable: true, description: 'Why the model ended: `stop`, `length` …' }),
    error: t.exposeString('error', { nullable: true, description: 'Why it did not end well, or why its last attempt did not.' }),
    history: t.field({
      type: MessageHistory,
      nullable: true,
      select: { history: true },
      description: 'Of an answer that was begun: what of the conversation the model was given.',
      resolve: (message) => message.history as unknown as HistoryTold | null,
    }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was said, or asked for.',
      resolve: (message) => toDate(message.createdAtMs),
    }),
    completedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { completedAtMs: true },
      description: 'When it reached a final status.',
      resolve: (message) => toDateOrNull(message.completedAtMs),
    }),
    conversation: t.relation('conversation', {
      nullable: true,
      description: 'Where it was said; forks show it too. Null once that was deleted while a fork still needs it.',
    }),
    parent: t.field({
      type: 'Message' as never,
      nullable: true,
      select: { parentId: true },
      description: 'The message before it; null: it is the first.',
      resolve: async (message, _args, ctx, info) => nodeOf(ctx, info, 'Message', message.parentId),
    }),
    insteadOf: t.field({
      type: 'Message' as never,
      nullable: true,
      select: { insteadOfId: true },
      description: 'The message it stands in the place of, by an edit or another try; null where it does not, and once that is gone.',
      resolve: async (message, _args, ctx, info) => nodeOf(ctx, info, 'Message', message.insteadOfId),
    }),
    stream: t.field({
      type: StreamRef,
      nullable: true,
      select: { streamId: true },
      description: 'Of an answer: the stream of its newest attempt.',
      resolve: async (message, _args, ctx, info) => nodeOf(ctx, info, 'Stream', message.streamId) as never,
    }),
    task: t.field({
      type: TaskRef,
      nullable: true,
      select: { taskId: true },
      description: 'Of an answer: the task that writes it.',
      resolve: async (message, _args, ctx, info) => nodeOf(ctx, info, 'Task', message.taskId) as never,
    }),
  }),
})

export const MessagePages = pagesOf(MessageRef, 'Message', 'messages')

builder.prismaObjectField('Message', 'siblings', (t) =>
  t.connection(
    {
      type: MessageRef,
      select: { parentId: true, conversationId: true },
      description: 'What was said in this place, this message included, oldest first: edits and other tries. Choose with `conversationSelect`.',
      resolve: (message, args, ctx, info) => {
        const related = { typeName: 'Message', table: 'Message', order: OLDEST_FIRST, args, delegate: (c: typeof ctx) => c.db.message as never }
        // Of first messages there is no message before that joins them, but the conversation.
        return (
          message.parentId
            ? readRelated(ctx, info, message.parentId, { ...related, parent: 'parentId' })
            : readRelated(ctx, info, message.conversationId ?? message.id, {
                ...related,
                parent: 'conversationId',
                belongs: (of) => Prisma.sql`"parentId" IS NULL AND ("conversationId" = ${of} OR "id" = ${of})`,
              })
        ) as never
      },
    },
    ...MessagePages,
  ),
)

nodeLoader('Message', 'CONVERSATIONS_READ', (ctx, ids, query) => ctx.db.message.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }))
