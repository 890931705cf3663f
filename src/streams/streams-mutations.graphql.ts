/** Starting, producing and ending streams. */
import { z } from 'zod'
import { NotFound } from '../core/errors.ts'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, optionalId, optionalName, optionalNumber, optionalWhole, text, whole } from '../core/input.ts'
import type { Work } from '../events/work.ts'
import { builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import { taskOwned } from '../tasks/task-create.ts'
import { taskEnded } from '../tasks/task-ended.ts'
import { ChunkKindEnum, StreamRef } from './stream.graphql.ts'
import { producerTokenOf, requireProducer } from './stream-access.ts'
import { streamCancel } from './stream-cancel.ts'
import { streamFinish } from './stream-finish.ts'
import { streamHeartbeat } from './stream-heartbeat.ts'
import { streamOpen } from './stream-open.ts'
import { streamStart } from './stream-start.ts'

type Made = { streamId: string }

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
const streamField = (t: any) => ({
  stream: t.prismaField({
    type: StreamRef,
    nullable: true,
    description: 'The stream as it is now; null where nothing was changed.',
    resolve: (query: object, payload: { made: Made | null }, _args: unknown, ctx: Context) =>
      payload.made ? ctx.db.stream.findUnique({ ...query, where: { id: payload.made.streamId } }) : null,
  }),
})

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

/** The inner id of a task that is to own a stream; what is not the actor's is not found. */
async function ownTask(work: Work, globalId: string | undefined): Promise<string | undefined> {
  if (globalId === undefined) return undefined
  const taskId = idOf('Task', globalId, ['input', 'taskId'])
  if (!taskId || !(await taskOwned(work, taskId))) throw new NotFound('Task', ['input', 'taskId'])
  return taskId
}

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

mutation('streamOpen', {
  description: 'Opens a stream that a program of yours will write with `streamAppend`, under a lease of 60 s that appends and `streamHeartbeat` renew.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'Which stream.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `Stream:<UUIDv7>`, so that sending this again is harmless.' }),
    taskId: t.id({ description: 'A task of yours that it shall belong to.' }),
    model: t.string({ description: 'The model that writes it, for the record; at most 200 characters.' }),
    provider: t.string({ description: 'The model’s provider, for the record; at most 200 characters.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same stream, for a day at least; at most 200 characters.' }),
  }),
  validate: z.object({ id: optionalId, taskId: optionalId, model: optionalName(200), provider: optionalName(200), idempotencyKey }),
  payload: (t) => ({
    ...streamField(t),
    producerToken: t.string({
      nullable: true,
      description: 'What the producer proves itself with; keep it secret.',
      resolve: (payload, _args, ctx) => (payload.made ? producerTokenOf(ctx.app.secrets, (payload.made as unknown as Made).streamId) : null),
    }),
  }),
  run: (input, ctx) => {
    const streamId = input.id === undefined ? undefined : newIdOf('Stream', input.id)
    return ctx.once({ mutation: 'streamOpen', key: input.idempotencyKey, id: input.id, input }, async (work) => ({
      streamId: (await streamOpen(work, { ...input, id: streamId, taskId: await ownTask(work, input.taskId) })).id,
    }))
  },
})

const MAX_CHUNKS_A_CALL = 1000

const StreamChunkInput = builder.inputType('StreamChunkInput', {
  description: 'A piece to append.',
  fields: (t) => ({
    kind: t.field({ type: ChunkKindEnum, defaultValue: 'TEXT', description: 'What it holds.' }),
    content: t.string({ required: true, description: 'What is written; at most 100,000 characters.' }),
  }),
})

const chunk = z.object({
  kind: z
    .enum(['TEXT', 'REASONING', 'TOOL_CALL', 'TOOL_RESULT', 'DATA'])
    .nullish()
    .transform((kind) => kind ?? 'TEXT'),
  content: text(1, 100_000),
})
/** So that a seq and all that comes after it in one call fit 32 bits. */
const seq = whole(-1, 2 ** 31 - 1 - MAX_CHUNKS_A_CALL)
const producer = { id, producerToken: text(1, 200) }

mutation('streamAppend', {
  description:
    'Appends chunks. They are committed when this answers, and delivered after that. A stale producer, or an `afterSeq` that is not the last seq, is refused.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'What to append, and where.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The stream’s id.' }),
    producerToken: t.string({ required: true, description: 'From `streamOpen`.' }),
    afterSeq: t.int({
      required: true,
      description: 'The last seq you know of; -1 while it is empty. Sending the same again is refused, so nothing is written twice.',
    }),
    chunks: t.field({ type: [StreamChunkInput], required: true, description: `1 to ${MAX_CHUNKS_A_CALL} pieces, in order.` }),
  }),
  validate: z.object({
    ...producer,
    afterSeq: seq,
    chunks: z.array(chunk).min(1, 'Must not be empty').max(MAX_CHUNKS_A_CALL, `Must have at most ${MAX_CHUNKS_A_CALL} chunks`),
  }),
  payload: streamField,
  run: async (input, ctx) => {
    const state = await requireProducer(ctx.app.store.database, ctx.app.secrets, ctx.actor, idOf('Stream', input.id, ['input', 'id']), input.producerToken)
    await ctx.app.chunks.append({ streamId: state.id, afterSeq: input.afterSeq, chunks: input.chunks })
    return { result: { streamId: state.id }, position: null }
  },
})

mutation('streamHeartbeat', {
  description: 'Says that the producer lives though it has nothing to append: the stream’s lease of 60 s begins anew.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'Which stream.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The stream’s id.' }),
    producerToken: t.string({ required: true, description: 'From `streamOpen`.' }),
  }),
  validate: z.object(producer),
  payload: streamField,
  run: (input, ctx) => onProduced(ctx, input, streamHeartbeat),
})

const finishInput = (t: Parameters<Parameters<typeof mutation>[1]['input']>[0]) => ({
  id: t.id({ required: true, description: 'The stream’s id.' }),
  producerToken: t.string({ required: true, description: 'From `streamOpen`.' }),
  afterSeq: t.int({ description: 'The last seq you know of; needed when chunks come along.' }),
  chunks: t.field({ type: [StreamChunkInput], description: `The last pieces, at most ${MAX_CHUNKS_A_CALL}; committed together with the final status.` }),
})

const finish = {
  ...producer,
  afterSeq: given(seq),
  chunks: z
    .array(chunk)
    .max(MAX_CHUNKS_A_CALL, `Must have at most ${MAX_CHUNKS_A_CALL} chunks`)
    .nullish()
    .transform((chunks) => chunks ?? []),
}
const withPlace = { message: 'Is needed when chunks come along', path: ['afterSeq'] }

mutation('streamComplete', {
  description: 'Ends a stream well. The last chunks may come along.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'Which stream, and its last pieces.',
  input: finishInput,
  validate: z.object(finish).refine((input) => !input.chunks.length || input.afterSeq !== undefined, withPlace),
  payload: streamField,
  run: (input, ctx) =>
    onProduced(ctx, input, (work, streamId) => streamFinish(work, streamId, { status: 'COMPLETED', afterSeq: input.afterSeq, chunks: input.chunks })),
})

mutation('streamFail', {
  description: 'Ends a stream badly. The last chunks may come along.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'Which stream, why, and its last pieces.',
  input: (t) => ({ ...finishInput(t), error: t.string({ required: true, description: 'Why, for people; 1 to 4,000 characters.' }) }),
  validate: z.object({ ...finish, error: text(1, 4000) }).refine((input) => !input.chunks.length || input.afterSeq !== undefined, withPlace),
  payload: streamField,
  run: (input, ctx) =>
    onProduced(ctx, input, (work, streamId) =>
      streamFinish(work, streamId, { status: 'FAILED', error: input.error, afterSeq: input.afterSeq, chunks: input.chunks }),
    ),
})

async function onProduced(ctx: Context, input: { id: string; producerToken: string }, run: (work: Work, streamId: string) => Promise<void>) {
  const state = await requireProducer(ctx.app.store.database, ctx.app.secrets, ctx.actor, idOf('Stream', input.id, ['input', 'id']), input.producerToken)
  return ctx.transact(async (work) => {
    await run(work, state.id)
    return { streamId: state.id }
  })
}

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
