/** Reading and following streams. */
import { ownedBy } from '../core/actor.ts'
import { BadUserInput, NotFound } from '../core/errors.ts'
import { filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { live } from '../events/live.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, orderInput, readPage } from '../graphql/connection.ts'
import type { Shares } from '../graphql/shared-results.ts'
import { STREAM_FILTER_FIELDS, StreamChunkRef, StreamFilter, StreamPages, StreamRef, StreamStatusEnum } from './stream.graphql.ts'
import { streamSeen } from './stream-access.ts'
import type { StreamUpdate } from './stream-hub.ts'
import { textOf } from './stream-read.ts'

const StreamOrder = orderInput('Stream', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was opened.' },
})

const StreamUpdateRef = builder.objectRef<StreamUpdate>('StreamUpdate').implement({
  description: 'All that is new in a stream since the last message. A reader who is behind catches up in few of them.',
  fields: (t) => ({
    chunks: t.field({ type: [StreamChunkRef], description: 'In order of seq, no hole, no repeat.', resolve: (update) => update.chunks as never }),
    text: t.string({ description: 'The TEXT chunks of this message, joined.', resolve: (update) => textOf(update.chunks) }),
    lastSeq: t.exposeInt('lastSeq', { description: 'Hand it back as `afterSeq` to resume, on any server, after any crash.' }),
    status: t.field({ type: StreamStatusEnum, description: 'A final status ends the subscription.', resolve: (update) => update.status }),
    stream: t.prismaField({
      type: StreamRef,
      description: 'The stream as it is now.',
      resolve: async (query, update, _args, ctx) => {
        const stream = await ctx.db.stream.findUnique({ ...query, where: { id: update.streamId } })
        if (!stream) throw new NotFound('Stream')
        return stream
      },
    }),
  }),
})

builder.queryFields((t) => ({
  stream: t.prismaField({
    type: StreamRef,
    nullable: true,
    description: 'A stream by its id; null where there is none that you may see.',
    ...rights('STREAMS_READ'),
    args: { id: t.arg.id({ required: true, description: 'The stream’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('Stream', args.id, ['id'])
      return id ? ctx.db.stream.findUnique({ ...query, where: { id, ...ownedBy(ctx.actor) } }) : null
    },
  }),
  streams: t.connection(
    {
      type: StreamRef,
      description: 'Your streams, for ADMINs everybody’s; newest first unless ordered otherwise.',
      ...rights('STREAMS_READ'),
      args: {
        filter: t.arg({ type: StreamFilter, description: 'Which streams.' }),
        orderBy: t.arg({ type: [StreamOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'Stream',
          delegate: ctx.db.stream as never,
          where: { AND: [filterWhere(args.filter, STREAM_FILTER_FIELDS), ownedBy(ctx.actor)] },
          order: StreamOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...StreamPages,
  ),
}))

/** All but `stream` tells the update itself. */
const SHARES: Shares = { resumedBy: 'afterSeq', plain: ['chunks', 'seq', 'kind', 'content', 'createdAt', 'text', 'lastSeq', 'status'] }

builder.subscriptionFields((t) => ({
  streamChunks: t.field({
    type: StreamUpdateRef,
    description: 'A stream’s chunks after `afterSeq`, as they are committed: no hole, no repeat, until its final status. The first message comes at once.',
    ...rights('STREAMS_READ'),
    extensions: { ...rights('STREAMS_READ').extensions, shares: SHARES },
    args: {
      streamId: t.arg.id({ required: true, description: 'The stream’s id.' }),
      afterSeq: t.arg.int({ defaultValue: -1, description: 'The last seq you have; -1: from the first.' }),
    },
    subscribe: async (_root, args, ctx) => {
      const resumed = ctx.lastEventId !== null && /^(-1|\d{1,9})$/.test(ctx.lastEventId) ? Number(ctx.lastEventId) : null
      const afterSeq = resumed ?? args.afterSeq ?? -1
      if (afterSeq < -1) throw new BadUserInput('afterSeq is at least -1.', ['afterSeq'])
      const state = await streamSeen(ctx.app.store.database, ctx.actor, idOf('Stream', args.streamId, ['streamId']))
      if (!state) throw new NotFound('Stream', ['streamId'])
      if (afterSeq > state.lastSeq) throw new BadUserInput(`The stream's last seq is ${state.lastSeq}; afterSeq cannot be beyond it.`, ['afterSeq'])
      return live(ctx.signal, (signal) => ctx.app.streams.follow(state, afterSeq, signal))
    },
    resolve: (update) => update as StreamUpdate,
  }),
}))
