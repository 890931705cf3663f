/**
 * A stream as server-sent events: `chunk` for each chunk, its `id:` the seq, and `status` at the end (of an attempt that was lost: ask its task
 * for the stream of the next one), with `id: <seq>.end`, so that a client
 * that comes back with it is told that there is no more. `refused` says why it ended before its time.
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

/** What both doors are made of. */
export interface StreamSource {
  id: string
  globalId: string
  updates: AsyncIterable<StreamUpdate>
  database: Database
  endedBy: () => DomainError | 'silent' | null
  /** An error as it may leave the server. */
  tell: (error: unknown) => { code: string; message: string }
}

const encoder = new TextEncoder()
/** After a cut a browser comes back so soon. */
const RETRY = 'retry: 1000\n\n'

const chunkEvent = ({ seq, kind, content, createdAtMs }: Chunk) =>
  `id: ${seq}\nevent: chunk\ndata: ${JSON.stringify({ seq, kind, content, createdAt: new Date(Number(createdAtMs)) })}\n\n`

/** What was made of updates that several readers are given. */
const made = new WeakMap<StreamUpdate, Uint8Array>()

function bytesOf(update: StreamUpdate): Uint8Array {
  const known = made.get(update)
  if (known) return known
  const bytes = encoder.encode(update.chunks.map(chunkEvent).join(''))
  if (update[SHARED]) made.set(update, bytes)
  return bytes
}

export async function* streamEvents({ id, updates, database, endedBy, tell }: StreamSource): AsyncGenerator<Uint8Array, void, void> {
  const refused = (error: unknown) => {
    const { code, message } = tell(error)
    return encoder.encode(`event: refused\ndata: ${JSON.stringify({ code, message })}\n\n`)
  }
  yield encoder.encode(RETRY)
  let last: StreamUpdate | null = null
  try {
    for await (const update of updates) {
      last = update
      if (update.chunks.length) yield bytesOf(update)
    }
    if (endedBy() === null && last && isFinal(last.status)) {
      const { status, lastSeq } = last
      const { error, taskId } = await readStreamEnd(database, id)
      const told = { status, lastSeq, error, taskId: taskId && toGlobalId('Task', taskId) }
      yield encoder.encode(`id: ${lastSeq}.end\nevent: status\ndata: ${JSON.stringify(told)}\n\n`)
      return
    }
  } catch (error) {
    yield refused(error)
    return
  }
  const reason = endedBy()
  if (reason && reason !== 'silent') yield refused(reason)
}
