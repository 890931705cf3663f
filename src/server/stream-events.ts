/**
 * A stream as server-sent events: `chunk` for each chunk, its `id:` the seq, and `status` at the end, with `id: <seq>.end`, so that a client
 * that comes back with it is told that there is no more. `refused` says why it ended before its time. Where the attempt that wrote it was
 * lost, whoever follows the task is told `restart`, and then the stream of the next attempt from its beginning; from there on each
 * `id:` begins with that stream's.
 */

import type { DomainError } from '../core/errors.ts'
import { toGlobalId } from '../core/ids.ts'
import { SHARED } from '../core/shared.ts'
import type { Database } from '../db/database.ts'
import { type Chunk, isFinal } from '../streams/stream.ts'
import type { StreamUpdate } from '../streams/stream-hub.ts'
import { readStreamEnd } from '../streams/stream-read.ts'
import { SSE_HEADERS } from './sse.ts'

export const EVENTS_HEADERS = SSE_HEADERS

/** One stream as it is told. */
export interface ToldStream {
  id: string
  globalId: string
  updates: AsyncIterable<StreamUpdate>
}

/** What both doors are made of. */
export interface StreamSource {
  first: ToldStream
  /** Whether the first is not the one that was asked for, but came in its place. */
  isNext: boolean
  /** Where the task writes on, once it does; null where nobody asked for it, or it does not. */
  next: (endedId: string) => Promise<ToldStream | null>
  database: Database
  endedBy: () => DomainError | 'silent' | null
  /** An error as it may leave the server. */
  tell: (error: unknown) => { code: string; message: string }
}

const encoder = new TextEncoder()
/** After a cut a browser comes back so soon. */
const RETRY = 'retry: 1000\n\n'

const chunkEvent = ({ seq, kind, content, createdAtMs }: Chunk, prefix: string) =>
  `id: ${prefix}${seq}\nevent: chunk\ndata: ${JSON.stringify({ seq, kind, content, createdAt: new Date(Number(createdAtMs)) })}\n\n`

/** What was made of updates that several readers are given. */
const made = new WeakMap<StreamUpdate, Uint8Array>()

function bytesOf(update: StreamUpdate, prefix: string): Uint8Array {
  const known = prefix ? undefined : made.get(update)
  if (known) return known
  const bytes = encoder.encode(update.chunks.map((chunk) => chunkEvent(chunk, prefix)).join(''))
  if (update[SHARED] && !prefix) made.set(update, bytes)
  return bytes
}

export async function* streamEvents({ first, isNext, next, database, endedBy, tell }: StreamSource): AsyncGenerator<Uint8Array, void, void> {
  const event = (name: string, id: string | null, data: unknown) =>
    encoder.encode(`${id === null ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  const refused = (error: unknown) => {
    const { code, message } = tell(error)
    return event('refused', null, { code, message })
  }
  yield encoder.encode(RETRY)
  let prefix = isNext ? `${first.id}:` : ''
  try {
    for (let stream = first; ; ) {
      let last: StreamUpdate | null = null
      for await (const update of stream.updates) {
        last = update
        if (update.chunks.length) yield bytesOf(update, prefix)
      }
      if (endedBy() !== null || !last || !isFinal(last.status)) break
      const { status, lastSeq } = last
      const { error, taskId } = await readStreamEnd(database, stream.id)
      const ended = { status, lastSeq, error, taskId: taskId && toGlobalId('Task', taskId) }
      const following = status === 'COMPLETED' ? null : await next(stream.id)
      if (endedBy() !== null) break
      if (!following) return yield event('status', `${prefix}${lastSeq}.end`, ended)
      prefix = `${following.id}:`
      yield event('restart', `${prefix}-1`, { streamId: following.globalId, ended: { streamId: stream.globalId, ...ended } })
      stream = following
    }
  } catch (error) {
    yield refused(error)
    return
  }
  const reason = endedBy()
  if (reason && reason !== 'silent') yield refused(reason)
}
