/**
 * Commits chunks as soon as the writer is free, and takes along what arrived meanwhile.
 *
 * There is no timer. While nothing else is written a chunk is committed at once; under load the groups grow by themselves,
 * across streams, and a commit is paid once for all of them.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { type Actor, server } from '../core/actor.ts'
import { isUnreachable } from '../db/constraints.ts'
import type { Store } from '../events/store.ts'
import { reading, transact } from '../events/transact.ts'
import type { StreamValues } from './stream.ts'
import { streamRefusal } from './stream-refusal.ts'
import { APPEND_LIMIT, type Append, streamsAppend } from './streams-append.ts'

interface Entry {
  append: Append
  /** Who calls for it; left out: an attempt of this server. */
  actor: Actor
  resolve: (stream: StreamValues) => void
  reject: (error: unknown) => void
}

export class ChunkCommitter {
  #queue: Entry[] = []
  #running = false

  constructor(readonly store: Store) {}

  /** Resolves once the chunks are committed; rejects with what speaks against it. At most `APPEND_LIMIT` chunks. */
  append(append: Append, actor: Actor = server): Promise<StreamValues> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ append, actor, resolve, reject })
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    // What has arrived is read first and goes along: else the first of many would be committed alone, and the others wait for it.
    await turn()
    while (this.#queue.length) await this.#commit(this.#take())
    this.#running = false
  }

  /** As many as fit one statement; of each stream the oldest only, for the next one builds on its seq. */
  #take(): Entry[] {
    const taken: Entry[] = []
    const rest: Entry[] = []
    const streams = new Set<string>()
    let chunks = 0
    for (const entry of this.#queue) {
      const { streamId, chunks: list } = entry.append
      if (streams.has(streamId) || (taken.length && chunks + list.length > APPEND_LIMIT)) rest.push(entry)
      else {
        taken.push(entry)
        chunks += list.length
      }
      streams.add(streamId)
    }
    this.#queue = rest
    return taken
  }

  async #commit(entries: Entry[]): Promise<void> {
    let accepted: Map<string, StreamValues>
    try {
      const { result } = await transact(this.store, server, async (work) => {
        const taken = await streamsAppend(
          work,
          entries.map((entry) => entry.append),
        )
        for (const { actor, append } of entries)
          if (actor.call && taken.has(append.streamId))
            work.entries.push(work.trail.entryOf(actor, actor.call, { subject: { type: 'Stream', id: append.streamId } }))
        return taken
      })
      accepted = result
    } catch (error) {
      if (entries.length === 1 || isUnreachable(error)) {
        for (const { reject } of entries) reject(error)
        return
      }
      // One of them may be at fault, and must not take the others with it.
      for (const entry of entries) await this.#commit([entry])
      return
    }
    for (const { append, resolve, reject } of entries) {
      const stream = accepted.get(append.streamId)
      if (stream) resolve(stream)
      else reject(await streamRefusal(reading(this.store, server), { ...append, id: append.streamId }, append.afterSeq).catch((error: unknown) => error))
    }
  }
}
