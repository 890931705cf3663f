/** Starting and cancelling streams. */
import { z } from 'zod'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, optionalId, optionalName, optionalNumber, optionalWhole, text } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import { taskEnded } from '../tasks/task-ended.ts'
import { streamCancel } from './stream-cancel.ts'
import { ownTask, streamField } from './stream-payload.graphql.ts'
import { streamStart } from './stream-start.ts'

const ChatRoleEnum = builder.enumType('ChatRole', {
  description: 'Who says something.',
  values: { SYSTEM: { description: 'Instructions.' }, USER: { description: 'The person, or program, that asks.' }, ASSISTANT: { description: 'The model.' } },
})

const ChatMessageInput = builder.inputType('ChatMessageInput', {
  description: 'One turn of a conversation.',
  fields: (t) => ({
    role: t.field({ type: ChatRoleEnum, required: true, description: 'Who says it.' }),
    content: t.string({ required: true, description: 'What is said; 1 to 100,000 characters.' }),
  }),
})

mutation('streamStart', {
  description: 'Lets a model answer: starts a `text.generate` task and opens the stream that it writes. Follow it with `streamChunks`.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'What shall be answered, and how.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `Stream:<UUIDv7>`, so that sending this again is harmless.' }),
    model: t.string({ description: 'As `provider/model`; left out: the default of this server.' }),
    prompt: t.string({ description: 'What to answer; instead of messages. 1 to 100,000 characters.' }),
    messages: t.field({ type: [ChatMessageInput], description: 'The conversation to answer; instead of a prompt. 1 to 500.' }),
    system: t.string({ description: 'Instructions that go before all else; at most 20,000 characters.' }),
    temperature: t.float({ description: 'From 0 (steady) to 2 (wild).' }),
    maxOutputTokens: t.int({ description: 'The answer ends after so many tokens; 1 to 100,000.' }),
    taskId: t.id({ description: 'A task of yours that the stream shall belong to; left out: the one that writes it.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same stream, for a day at least; at most 200 characters.' }),
  }),
  validate: z
    .object({
      id: optionalId,
      model: optionalName(200),
      prompt: given(text(1, 100_000)),
      messages: given(
        z
          .array(z.object({ role: z.enum(['SYSTEM', 'USER', 'ASSISTANT']), content: text(1, 100_000) }))
          .min(1, 'Must not be empty')
          .max(500, 'Must have at most 500 messages'),
      ),
      system: given(text(1, 20_000)),
      temperature: optionalNumber(0, 2),
      maxOutputTokens: optionalWhole(1, 100_000),
      taskId: optionalId,
      idempotencyKey,
    })
    .refine((input) => (input.prompt === undefined) !== (input.messages === undefined), {
      message: 'Give a prompt or messages, one of the two',
      path: ['prompt'],
    }),
  payload: (t) => ({
    ...streamField(t),
    task: t.prismaField({
      type: TaskRef,
      nullable: true,
      description: 'The task that writes it.',
      resolve: (query, payload, _args, ctx) => {
        const made = payload.made as unknown as { taskId: string } | null
        return made ? ctx.db.task.findUnique({ ...query, where: { id: made.taskId } }) : null
      },
    }),
  }),
  run: (input, ctx) => {
    const { id: globalId, taskId, idempotencyKey: key, messages, ...generation } = input
    const streamId = globalId === undefined ? undefined : newIdOf('Stream', globalId)
    return ctx.once({ mutation: 'streamStart', key, id: globalId, input }, async (work) => {
      return streamStart(work, ctx.app.taskTypes, {
        id: streamId,
        taskId: await ownTask(work, taskId),
        idempotencyKey: key,
        generation: defined({ ...generation, messages: messages?.map(({ role, content }) => ({ role: role.toLowerCase() as 'user', content })) }),
      })
    })
  },
})

/** Without the fields that were not given. */
const defined = <T extends object>(fields: T): T => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T

mutation('streamCancel', {
  description:
    'Ends a stream, on whichever server it is written; the text so far is kept. One that a task writes is ended by cancelling the task; the answer waits up to two seconds for that.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'Which stream.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The stream’s id.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input answers the same; at most 200 characters.' }),
  }),
  validate: z.object({ id, idempotencyKey }),
  payload: streamField,
  run: async (input, ctx) => {
    const streamId = idOf('Stream', input.id, ['input', 'id']) ?? ''
    const committed = await ctx.once({ mutation: 'streamCancel', key: input.idempotencyKey, input }, async (work) => ({
      streamId,
      ...(await streamCancel(work, streamId)),
    }))
    if (committed.result.taskId) await taskEnded(ctx.app.store, committed.result.taskId)
    return committed
  },
})
