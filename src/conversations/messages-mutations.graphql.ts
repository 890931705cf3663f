/** Saying something, saying it otherwise, and letting it be answered again. */
import { z } from 'zod'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, optionalId } from '../core/input.ts'
import { mutation } from '../graphql/mutation.ts'
import { answerFields, answerRules, conversationRules, innerId, NewConversationInput } from './conversation-inputs.graphql.ts'
import { turnFields } from './conversation-payload.graphql.ts'
import { messageEdit } from './message-edit.ts'
import { isSaid, ONE_OF_TWO, partsOf, saidFields, saidRules } from './message-part.graphql.ts'
import { messageRegenerate } from './message-regenerate.ts'
import { messageSend } from './message-send.ts'

const KEY = 'The same key with the same input says it once, for a day at least; at most 200 characters.'

mutation('messageSend', {
  description: 'Says something and lets it be answered. It answers at once: the words come in `stream`. Without a conversation it begins a new one.',
  rights: 'CONVERSATIONS_WRITE',
  inputDescription: 'What is said, where, and how it shall be answered.',
  input: (t) => ({
    conversationId: t.id({ description: 'Where it is said; left out: in a new conversation.' }),
    conversation: t.field({ type: NewConversationInput, description: 'What a new conversation shall be; only without conversationId.' }),
    id: t.id({ description: 'An id of your own making for what is said, `Message:<UUIDv7>`, so that sending this again is harmless.' }),
    ...saidFields(t),
    ...answerFields(t),
    taskId: t.id({ description: 'A task of yours that the conversation arises from.' }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z
    .object({
      conversationId: optionalId,
      conversation: given(z.object({ id: optionalId, ...conversationRules })),
      id: optionalId,
      ...saidRules,
      ...answerRules,
      taskId: optionalId,
      idempotencyKey,
    })
    .refine(isSaid, ONE_OF_TWO)
    .refine(({ conversationId, conversation }) => conversationId === undefined || conversation === undefined, {
      message: 'Is for a new conversation only',
      path: ['conversation'],
    }),
  payload: turnFields,
  run: async (input, ctx) => {
    const { text: _text, parts: _parts, idempotencyKey: key, conversation, ...how } = input
    const send = {
      ...how,
      parts: partsOf(input),
      conversationId: innerId('Conversation', input.conversationId, 'conversationId'),
      conversation: conversation && {
        ...conversation,
        id: conversation.id === undefined ? undefined : newIdOf('Conversation', conversation.id, ['input', 'conversation', 'id']),
      },
      id: input.id === undefined ? undefined : newIdOf('Message', input.id),
      taskId: innerId('Task', input.taskId, 'taskId'),
    }
    return ctx.once({ mutation: 'messageSend', key, id: input.id, input }, (work) => messageSend(work, ctx.app.taskTypes, send))
  },
})

const inConversation = (what: string) => `Where it shall go on; left out: where ${what} was said. A fork shows messages of other conversations too.`

mutation('messageEdit', {
  description: 'Says what a user has said otherwise: beside the first, which stays, and with an answer of its own. The conversation goes on from there.',
  rights: 'CONVERSATIONS_WRITE',
  inputDescription: 'Which message, and what is said instead.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The message that is said otherwise.' }),
    conversationId: t.id({ description: inConversation('the message') }),
    ...saidFields(t),
    ...answerFields(t),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id, conversationId: optionalId, ...saidRules, ...answerRules, idempotencyKey }).refine(isSaid, ONE_OF_TWO),
  payload: turnFields,
  run: async (input, ctx) => {
    const { id: globalId, text: _text, parts: _parts, idempotencyKey: key, ...how } = input
    const messageId = idOf('Message', globalId, ['input', 'id']) ?? ''
    const edit = { ...how, messageId, parts: partsOf(input), conversationId: innerId('Conversation', input.conversationId, 'conversationId') }
    return ctx.once({ mutation: 'messageEdit', key, input }, (work) => messageEdit(work, ctx.app.taskTypes, edit))
  },
})

mutation('messageRegenerate', {
  description: 'Lets another answer be made beside one that is there, which stays. The conversation goes on from the new one.',
  rights: 'CONVERSATIONS_WRITE',
  inputDescription: 'Which answer, and how it shall be made this time.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The answer that another is made beside.' }),
    conversationId: t.id({ description: inConversation('the answer') }),
    ...answerFields(t),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id, conversationId: optionalId, ...answerRules, idempotencyKey }),
  payload: turnFields,
  run: async (input, ctx) => {
    const { id: globalId, idempotencyKey: key, ...how } = input
    const messageId = idOf('Message', globalId, ['input', 'id']) ?? ''
    const again = { ...how, messageId, conversationId: innerId('Conversation', input.conversationId, 'conversationId') }
    return ctx.once({ mutation: 'messageRegenerate', key, input }, (work) => messageRegenerate(work, ctx.app.taskTypes, again))
  },
})
