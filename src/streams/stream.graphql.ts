/** The types Stream and StreamChunk. */
import { ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { BadUserInput } from '../core/errors.ts'
import { type FilterFields, moment, momentOrNull } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { comparators, DateTimeFilter, filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { nodeLoader } from '../graphql/node.ts'
import { siblings } from '../graphql/siblings.ts'
import type { Chunk } from './stream.ts'
import './stream-invariants.ts'
import { StreamExpired } from './stream-errors.ts'
import { readFirstChunks, readTexts } from './stream-read.ts'

export const StreamStatusEnum = builder.enumType('StreamStatus', {
  description: 'Where a stream is in its life.',
  values: {
    PENDING: { description: 'Opened, no chunk yet.' },
    STREAMING: { description: 'Chunks arrive.' },
    COMPLETED: { description: 'Ended well. Final.' },
    FAILED: { description: 'Its producer failed; `error` says why. Final.' },
    CANCELLED: { description: 'Ended by request. Final.' },
    INTERRUPTED: { description: 'Its producer died or fell silent; the text so far is kept. Final.' },
  },
})

export const ChunkKindEnum = builder.enumType('ChunkKind', {
  description: 'What a chunk holds.',
  values: {
    TEXT: { description: 'A piece of the answer’s text.' },
    REASONING: { description: 'A piece of the model’s reasoning.' },
    TOOL_CALL: { description: 'JSON: the model calls a tool.' },
    TOOL_RESULT: { description: 'JSON: what the tool answered.' },
    DATA: { description: 'JSON: anything else the producer has to tell.' },
  },
})

export const StreamChunkRef = builder.objectRef<Chunk>('StreamChunk').implement({
  description: 'One piece of a stream; committed before anyone sees it.',
  fields: (t) => ({
    seq: t.exposeInt('seq', { description: 'Its place in the stream, from 0, without a hole.' }),
    kind: t.field({ type: ChunkKindEnum, description: 'What it holds.', resolve: (chunk) => chunk.kind }),
    content: t.exposeString('content', { description: 'What was written.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was committed.', resolve: (chunk) => toDate(chunk.createdAtMs) }),
  }),
})

const MAX_CHUNKS = 1000

/** Texts, and first chunks, of sibling streams are read all at once. */
const textLoader = (ctx: Context) =>
  ctx.loader('Stream.text', () => {
    return siblings<string>(async (ids) => {
      const texts = await readTexts(ctx.app.store.database, ids)
      return ids.map((id) => texts.get(id) ?? new BadUserInput('The text is too long to be joined here; read it by its chunks, with afterSeq.', ['text']))
    })
  })

const chunksLoader = (ctx: Context, afterSeq: number, first: number) =>
  ctx.loader(`Stream.chunks:${afterSeq}:${first}`, () => {
    return siblings<Chunk[]>(async (ids) => {
      const chunks = await readFirstChunks(ctx.app.store.database, ids, afterSeq, first)
      return ids.map((id) => chunks.get(id)!)
    })
  })

export const StreamRef = builder.prismaNode('Stream', {
  description: 'Words as they come: chunks numbered from 0, each durable before anyone sees it.',
  id: { field: 'id', description: 'The global id, `Stream:<uuid>`.' },
  select: { id: true, ownerId: true },
  fields: (t) => ({
    status: t.expose('status', { type: StreamStatusEnum, description: 'Where it is in its life.' }),
    model: t.exposeString('model', { nullable: true, description: 'The model that writes it.' }),
    provider: t.exposeString('provider', { nullable: true, description: 'The model’s provider.' }),
    attempt: t.exposeInt('attempt', {
      nullable: true,
      description: 'The attempt of the task that writes it; null while it waits for one, and for a producer elsewhere.',
    }),
    text: t.field({
      ...weighs(LONG_VALUE),
      type: 'String',
      description: 'All its TEXT chunks, joined; up to 8 MB, beyond which it must be read by its chunks. An error once it was removed by age.',
      resolve: (stream, _args, ctx) => textLoader(ctx).load(stream.id),
    }),
    chunks: t.field({
      type: [StreamChunkRef],
      select: { lastSeq: true },
      description: 'Its chunks after `afterSeq`, in order; fewer than `first` where they are large: go on with the last seq until there is none.',
      args: {
        afterSeq: t.arg.int({ defaultValue: -1, description: 'Those after this seq; -1: from the first.' }),
        first: t.arg.int({ defaultValue: 100, description: `How many, 1 to ${MAX_CHUNKS}.` }),
      },
      resolve: async (stream, args, ctx) => {
        const [afterSeq, first] = [args.afterSeq ?? -1, args.first ?? 100]
        if (afterSeq < -1) throw new BadUserInput('afterSeq is at least -1.', ['afterSeq'])
        if (first < 1 || first > MAX_CHUNKS) throw new BadUserInput(`first must be from 1 to ${MAX_CHUNKS}.`, ['first'])
        const chunks = await chunksLoader(ctx, afterSeq, first).load(stream.id)
        if (afterSeq < stream.lastSeq && chunks[0]?.seq !== afterSeq + 1) throw new StreamExpired()
        return chunks
      },
    }),
    lastSeq: t.exposeInt('lastSeq', { description: 'The seq of its last chunk; -1 while it is empty.' }),
    error: t.exposeString('error', { nullable: true, description: 'Why it ended as it did.' }),
    idempotencyKey: t.exposeString('idempotencyKey', { nullable: true, description: 'The key it was opened with.' }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was opened.',
      resolve: (stream) => toDate(stream.createdAtMs),
    }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { startedAtMs: true },
      description: 'When its first chunk was committed.',
      resolve: (stream) => toDateOrNull(stream.startedAtMs),
    }),
    completedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { completedAtMs: true },
      description: 'When it reached a final status.',
      resolve: (stream) => toDateOrNull(stream.completedAtMs),
    }),
    expiredAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { expiredAtMs: true },
      description: 'When what it said was removed by age: `text` and `chunks` are errors since; null while it is kept.',
      resolve: (stream) => toDateOrNull(stream.expiredAtMs),
    }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { leaseExpiresAtMs: true },
      description: 'When it is INTERRUPTED unless its producer, elsewhere, gives a sign of life.',
      resolve: (stream) => toDateOrNull(stream.leaseExpiresAtMs),
    }),
    owner: t.relation('owner', { description: 'Whose it is.' }),
    task: t.relation('task', { nullable: true, description: 'The task it belongs to.' }),
  }),
})

export const StreamPages = pagesOf(StreamRef, 'Stream', 'streams')

export const STREAM_FILTER_FIELDS: FilterFields = {
  id: { column: 'id', write: (value) => idOf('Stream', value as string, ['filter', 'id']) ?? '' },
  taskId: { column: 'taskId', write: (value) => idOf('Task', value as string, ['filter', 'taskId']) ?? '' },
  status: { column: 'status' },
  model: { column: 'model' },
  provider: { column: 'provider' },
  createdAt: moment('createdAtMs'),
  completedAt: momentOrNull('completedAtMs'),
}

export const StreamFilter = filterInput('StreamFilter', 'Which streams.', {
  id: { type: IdFilter, description: 'The id.' },
  taskId: { type: IdFilter, description: 'The task it belongs to.' },
  status: { type: comparators('StreamStatus', StreamStatusEnum as never, 'stream status'), description: 'The status.' },
  model: { type: StringFilter, description: 'The model that writes it.' },
  provider: { type: StringFilter, description: 'The model’s provider.' },
  createdAt: { type: DateTimeFilter, description: 'When it was opened.' },
  completedAt: { type: DateTimeFilter, description: 'When it ended.' },
})

nodeLoader('Stream', 'STREAMS_READ', (ctx, ids, query) => ctx.db.stream.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }))
