/** Streams that a program elsewhere writes. */
import { z } from 'zod'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, optionalId, optionalName, text, whole } from '../core/input.ts'
import type { Work } from '../events/work.ts'
import { builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { UserError, userErrorType } from '../graphql/user-errors.ts'
import { taskStreamOpen } from '../tasks/task-stream-open.ts'
import { ChunkKindEnum } from './stream.graphql.ts'
import { type Producer, producerTokenOf, requireProducer } from './stream-access.ts'
import { StreamSeqMismatch } from './stream-errors.ts'
import { streamFinish } from './stream-finish.ts'
import { streamHeartbeat } from './stream-heartbeat.ts'
import { streamOpen } from './stream-open.ts'
import { type Made, ownTask, streamField } from './stream-payload.graphql.ts'

userErrorType(StreamSeqMismatch, 'StreamSeqMismatchError').implement({
  description: 'What is appended does not follow the last chunk.',
  interfaces: [UserError as never],
  fields: (t) => ({ lastSeq: t.exposeInt('lastSeq', { description: 'The real last seq of the stream.' }) }),
})

mutation('streamOpen', {
  description:
    'Opens a stream that a program of yours will write with `streamAppend`, under a lease of 60 s that appends and `streamHeartbeat` renew. With a `leaseToken`, the stream of the attempt that you hold: it lives and ends with that.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'Which stream.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `Stream:<UUIDv7>`, so that sending this again is harmless.' }),
    taskId: t.id({ description: 'A task of yours that it shall belong to; with `leaseToken`, the one you hold.' }),
    leaseToken: t.string({
      description: 'From `taskClaim`. The stream that waits for this attempt is taken up, or one opened; what it belongs to is then as for those before.',
    }),
    model: t.string({ description: 'The model that writes it, for the record; at most 200 characters.' }),
    provider: t.string({ description: 'The model’s provider, for the record; at most 200 characters.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same stream, for a day at least; at most 200 characters.' }),
  }),
  validate: z
    .object({ id: optionalId, taskId: optionalId, leaseToken: given(text(1, 200)), model: optionalName(200), provider: optionalName(200), idempotencyKey })
    .refine((input) => input.leaseToken === undefined || input.taskId !== undefined, { message: 'Is needed with a leaseToken', path: ['taskId'] })
    .refine((input) => input.leaseToken === undefined || input.id === undefined, { message: 'Cannot be chosen with a leaseToken', path: ['id'] }),
  payload: (t) => ({
    ...streamField(t),
    producerToken: t.string({
      nullable: true,
      description: 'What the producer proves itself with; keep it secret.',
      resolve: (payload, _args, ctx) => {
        const made = payload.made as unknown as Opened | null
        return made && producerTokenOf(ctx.app.secrets, made.streamId, made.attempt)
      },
    }),
  }),
  run: ({ leaseToken, ...input }, ctx) => {
    const streamId = input.id === undefined ? undefined : newIdOf('Stream', input.id)
    return ctx.once({ mutation: 'streamOpen', key: input.idempotencyKey, id: input.id, input: { ...input, leaseToken } }, async (work): Promise<Opened> => {
      const taskId = await ownTask(work, input.taskId)
      const stream =
        leaseToken === undefined
          ? await streamOpen(work, { ...input, id: streamId, taskId })
          : await taskStreamOpen(work, { id: taskId!, leaseToken }, { model: input.model, provider: input.provider })
      return { streamId: stream.id, attempt: stream.attempt }
    })
  },
})

/** The attempt that writes it; null: a program on its own account. */
type Opened = Made & { attempt: number | null }

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
    const { id: streamId, ...by } = await producerOf(ctx, input)
    await ctx.app.chunks.append({ streamId, ...by, afterSeq: input.afterSeq, chunks: input.chunks }, ctx.actor)
    return { result: { streamId }, position: null }
  },
})

mutation('streamHeartbeat', {
  description:
    'Says that the producer lives though it has nothing to append: the stream’s lease of 60 s begins anew. One that an attempt writes has none of its own: `taskHeartbeat` keeps it.',
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
  run: (input, ctx) => onProduced(ctx, input, (work, by) => streamFinish(work, by, { status: 'COMPLETED', afterSeq: input.afterSeq, chunks: input.chunks })),
})

mutation('streamFail', {
  description: 'Ends a stream badly. The last chunks may come along.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'Which stream, why, and its last pieces.',
  input: (t) => ({ ...finishInput(t), error: t.string({ required: true, description: 'Why, for people; 1 to 4,000 characters.' }) }),
  validate: z.object({ ...finish, error: text(1, 4000) }).refine((input) => !input.chunks.length || input.afterSeq !== undefined, withPlace),
  payload: streamField,
  run: (input, ctx) =>
    onProduced(ctx, input, (work, by) => streamFinish(work, by, { status: 'FAILED', error: input.error, afterSeq: input.afterSeq, chunks: input.chunks })),
})

const producerOf = (ctx: Context, input: { id: string; producerToken: string }): Promise<Producer> =>
  requireProducer(ctx.app.store.database, ctx.app.secrets, ctx.actor, idOf('Stream', input.id, ['input', 'id']), input.producerToken)

async function onProduced(ctx: Context, input: { id: string; producerToken: string }, run: (work: Work, producer: Producer) => Promise<void>) {
  const producer = await producerOf(ctx, input)
  return ctx.transact(async (work) => {
    await run(work, producer)
    return { streamId: producer.id }
  })
}
