/** Making, changing, forking and removing conversations. */
import { z } from 'zod'
import { idOf, newIdOf, toGlobalId } from '../core/ids.ts'
import { id, idempotencyKey, optionalId, optionalName } from '../core/input.ts'
import type { Work } from '../events/work.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { MAX_TITLE } from './conversation.ts'
import { conversationArchive } from './conversation-archive.ts'
import { conversationCreate } from './conversation-create.ts'
import { conversationDelete } from './conversation-delete.ts'
import { conversationFork } from './conversation-fork.ts'
import { conversationChangeRules, conversationFields, conversationRules, innerId } from './conversation-inputs.graphql.ts'
import { conversationField } from './conversation-payload.graphql.ts'
import { conversationSelect } from './conversation-select.ts'
import { conversationUpdate } from './conversation-update.ts'

const KEY = 'The same key with the same input has one effect, for a day at least; at most 200 characters.'
const OWN_ID = 'An id of your own making, `Conversation:<UUIDv7>`, so that sending this again is harmless.'

mutation('conversationCreate', {
  description: 'Writes a conversation down, without a message. `messageSend` makes one together with its first message.',
  rights: 'CONVERSATIONS_WRITE',
  inputDescription: 'What the conversation shall be.',
  input: (t) => ({
    id: t.id({ description: OWN_ID }),
    ...conversationFields(t),
    taskId: t.id({ description: 'A task of yours that it arises from.' }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id: optionalId, ...conversationRules, taskId: optionalId, idempotencyKey }),
  payload: conversationField,
  run: async (input, ctx) => {
    const { idempotencyKey: key, ...creation } = input
    const given = { ...creation, id: input.id === undefined ? undefined : newIdOf('Conversation', input.id), taskId: innerId('Task', input.taskId, 'taskId') }
    return ctx.once({ mutation: 'conversationCreate', key, id: input.id, input }, async (work) => ({
      conversationId: (await conversationCreate(work, given)).id,
    }))
  },
})

interface OneInput {
  id: string
  idempotencyKey?: string | undefined
}

function onConversation(ctx: Context, name: string, input: OneInput, run: (work: Work, conversationId: string) => Promise<unknown>) {
  // An id of another type is as good as none: what is not there is not found.
  const conversationId = idOf('Conversation', input.id, ['input', 'id']) ?? ''
  return ctx.once({ mutation: name, key: input.idempotencyKey, input }, async (work) => {
    await run(work, conversationId)
    return { conversationId }
  })
}

const one = {
  rights: 'CONVERSATIONS_WRITE',
  inputDescription: 'Which conversation.',
  // biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each mutation
  input: (t: any) => ({ id: t.id({ required: true, description: 'The conversation’s id.' }), idempotencyKey: t.string({ description: KEY }) }),
  validate: z.object({ id, idempotencyKey }),
} as const

mutation('conversationUpdate', {
  description: 'Changes what a conversation says of itself. What is left out stays, also of the settings; null clears.',
  rights: 'CONVERSATIONS_WRITE',
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({ ...one.input(t), ...conversationFields(t) }),
  validate: z.object({ id, idempotencyKey, ...conversationChangeRules }),
  payload: conversationField,
  run: (input, ctx) => {
    const { id: _id, idempotencyKey: _key, ...update } = input
    return onConversation(ctx, 'conversationUpdate', input, (work, conversationId) => conversationUpdate(work, conversationId, update))
  },
})

mutation('conversationArchive', {
  ...one,
  description: 'Puts a conversation away: it has `archivedAt` from then on, by which lists can leave it out. It can be gone on with all the same.',
  payload: conversationField,
  run: (input, ctx) => onConversation(ctx, 'conversationArchive', input, (work, conversationId) => conversationArchive(work, conversationId)),
})

mutation('conversationUnarchive', {
  ...one,
  description: 'Takes a conversation out again that was put away.',
  payload: conversationField,
  run: (input, ctx) => onConversation(ctx, 'conversationUnarchive', input, (work, conversationId) => conversationArchive(work, conversationId, false)),
})

mutation('conversationDelete', {
  ...one,
  description:
    'Removes a conversation with its messages, but for those that a fork still needs. Answers that are being written are cancelled. The log of it stays.',
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: (payload) => (payload.made ? toGlobalId('Conversation', (payload.made as unknown as { conversationId: string }).conversationId) : null),
    }),
  }),
  run: (input, ctx) => onConversation(ctx, 'conversationDelete', input, conversationDelete),
})

mutation('conversationFork', {
  description: 'Begins another conversation at any message of one: it shares all that lies before, and goes its own way from there. Nothing is copied.',
  rights: 'CONVERSATIONS_WRITE',
  inputDescription: 'Where the fork begins.',
  input: (t) => ({
    id: t.id({ description: OWN_ID }),
    conversationId: t.id({ required: true, description: 'The conversation that it begins in.' }),
    messageId: t.id({ required: true, description: 'The message that it begins at, which is its last one for now.' }),
    title: t.string({ description: `What it is about, at most ${MAX_TITLE} characters; left out: as the other.` }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id: optionalId, conversationId: id, messageId: id, title: optionalName(MAX_TITLE), idempotencyKey }),
  payload: conversationField,
  run: async (input, ctx) => {
    const fork = {
      id: input.id === undefined ? undefined : newIdOf('Conversation', input.id),
      conversationId: innerId('Conversation', input.conversationId, 'conversationId')!,
      messageId: idOf('Message', input.messageId, ['input', 'messageId']),
      title: input.title,
    }
    return ctx.once({ mutation: 'conversationFork', key: input.idempotencyKey, id: input.id, input }, async (work) => ({
      conversationId: await conversationFork(work, fork),
    }))
  },
})

mutation('conversationSelect', {
  description: 'Chooses a message among its `siblings`: the conversation shows it, and goes on from the end of the newest way below it.',
  rights: 'CONVERSATIONS_WRITE',
  inputDescription: 'Which message, and where.',
  input: (t) => ({ ...one.input(t), messageId: t.id({ required: true, description: 'The message that shall be shown.' }) }),
  validate: z.object({ id, idempotencyKey, messageId: id }),
  payload: conversationField,
  run: async (input, ctx) => {
    const messageId = idOf('Message', input.messageId, ['input', 'messageId'])
    return onConversation(ctx, 'conversationSelect', input, (work, conversationId) => conversationSelect(work, conversationId, messageId))
  },
})
