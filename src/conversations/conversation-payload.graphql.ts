/** What the mutations of conversations answer. */
import type { Context } from '../graphql/context.ts'
import { StreamRef } from '../streams/stream.graphql.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import { ConversationRef } from './conversation.graphql.ts'
import { MessageRef } from './message.graphql.ts'
import type { Turn } from './message-send.ts'

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
type Fields = any
type Of<M> = { made: M | null }

/** The payload's conversation, read after the change. */
export const conversationField = (t: Fields) => ({
  conversation: t.prismaField({
    type: ConversationRef,
    nullable: true,
    description: 'The conversation as it is now; null where nothing was changed.',
    resolve: (query: object, { made }: Of<{ conversationId: string }>, _args: unknown, ctx: Context) =>
      made && ctx.db.conversation.findUnique({ ...query, where: { id: made.conversationId } }),
  }),
})

const message = (t: Fields, name: 'messageId' | 'answerId', description: string) =>
  t.prismaField({
    type: MessageRef,
    nullable: true,
    description,
    resolve: (query: object, { made }: Of<Turn>, _args: unknown, ctx: Context) => made && ctx.db.message.findUnique({ ...query, where: { id: made[name] } }),
  })

/** A turn: what was said, and what will answer it. */
export const turnFields = (t: Fields) => ({
  ...conversationField(t),
  message: message(t, 'messageId', 'What is answered; null where nothing was changed.'),
  answer: message(t, 'answerId', 'The answer, PENDING; null where nothing was changed.'),
  stream: t.prismaField({
    type: StreamRef,
    nullable: true,
    description: 'The stream that the answer comes in: follow it with `streamChunks`.',
    resolve: (query: object, { made }: Of<Turn>, _args: unknown, ctx: Context) => made && ctx.db.stream.findUnique({ ...query, where: { id: made.streamId } }),
  }),
  task: t.prismaField({
    type: TaskRef,
    nullable: true,
    description: 'The task that writes the answer.',
    resolve: (query: object, { made }: Of<Turn>, _args: unknown, ctx: Context) => made && ctx.db.task.findUnique({ ...query, where: { id: made.taskId } }),
  }),
})
