/**
 * What the followers of a stream share in this process: its state, and its newest chunks, read once for all of them.
 *
 * Nothing gets here but by reading the database, so what a follower sees is committed. A follower who is behind the kept
 * chunks reads the table itself. Signals wake the hub; once a second it looks by itself at every stream that is followed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { coalesced } from '../core/coalesced.ts'
import { NotFound } from '../core/errors.ts'
import { SHARED } from '../core/shared.ts'
import type { Store } from '../events/store.ts'
import { type Chunk, isFinal, streamTopic } from './stream.ts'
import { StreamExpired } from './stream-errors.ts'
import { readChunks, readStreamStates, type StreamState } from './stream-read.ts'

const KEPT = 2048
const KEPT_CHARACTERS = 4_000_000
const PAGE = 2048
const LOOK_EVERY_MS = 1000
/** From so many followers on they are given time; a few are served in less than it takes to ask. */
const CROWD = 32
const BRIEF_MS = 2

export interface StreamUpdate {
  streamId: string
  chunks: readonly Chunk[]
  lastSeq: number
  status: StreamState['status']
  /** For `Last-Event-ID`: the seq. */
  sseId: string
  [SHARED]?: boolean
}

export class StreamHub {
  readonly #watched = new Map<string, Watched>()
  readonly #timer: NodeJS.Timeout

  constructor(
    readonly store: Store,
    readonly warn: (error: unknown) => void,
  ) {
    this.#timer = setInterval(() => void this.#lookAtAll(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  /**
   * The state at once, then every chunk from `afterSeq + 1` on, no hole and no repeat, until the final status or the signal. Those
   * who have met the newest chunk are given the very same updates from there on.
   */
  async *follow(stream: StreamState, afterSeq: number, signal: AbortSignal): AsyncGenerator<StreamUpdate, void, void> {
    const watched = this.#watch(stream)
    const waiter = new Waiter()
    const wake = () => waiter.wake()
    signal.addEventListener('abort', wake, { once: true })
    try {
      let seq = afterSeq
      let seen: StreamState['status'] | null = null
      let met = false
      while (!signal.aborted) {
        const version = watched.version
        if (watched.gone) throw new NotFound('Stream')
        const { status, lastSeq } = watched.state
        const shared = met ? watched.updateAfter(seq) : null
        const chunks = seq >= lastSeq ? [] : (shared?.chunks ?? watched.since(seq) ?? (await readChunks(this.store.database, stream.id, seq, lastSeq, PAGE)))
        // Chunks are committed with the last seq that counts them: where they are not, they have been removed.
        if (seq < lastSeq && chunks[0]?.seq !== seq + 1) throw await this.#removed(stream.id)
        if (chunks.length) seq = chunks[chunks.length - 1]!.seq
        const ended = isFinal(status) && seq >= lastSeq
        const shown = isFinal(status) && !ended ? 'STREAMING' : status
        if (chunks.length || shown !== seen) {
          seen = shown
          yield shared ?? { streamId: stream.id, chunks, lastSeq: Math.max(seq, afterSeq), status: shown, sseId: String(seq) }
        }
        if (ended) return
        met = seq >= lastSeq
        if (met && !signal.aborted && watched.version === version) await watched.changed(waiter)
      }
    } finally {
      signal.removeEventListener('abort', wake)
      this.#leave(stream.id, watched, waiter)
    }
  }

  /** How many streams are followed here, and by how many. */
  get followed(): { streams: number; readers: number } {
    let readers = 0
    for (const { followers } of this.#watched.values()) readers += followers
    return { streams: this.#watched.size, readers }
  }

  /** Why chunks that were counted are not there. */
  async #removed(id: string): Promise<Error> {
    const [state] = await readStreamStates(this.store.database, [id])
    return state ? new StreamExpired() : new NotFound('Stream')
  }

  #watch(stream: StreamState): Watched {
    const watched = this.#watched.get(stream.id) ?? new Watched(stream, this.store, this.warn)
    this.#watched.set(stream.id, watched)
    watched.followers++
    // The state that the follower came with may be older than what has been read here, or newer.
    void watched.look()
    return watched
  }

  #leave(id: string, watched: Watched, waiter: Waiter): void {
    watched.waiting.delete(waiter)
    if (--watched.followers > 0) return
    watched.close()
    if (this.#watched.get(id) === watched) this.#watched.delete(id)
  }

  async #lookAtAll(): Promise<void> {
    const open = [...this.#watched.values()].filter((watched) => !isFinal(watched.state.status))
    if (!open.length) return
    try {
      const states = new Map(
        (
          await readStreamStates(
            this.store.database,
            open.map((watched) => watched.state.id),
          )
        ).map((state) => [state.id, state]),
      )
      for (const watched of open) {
        const state = states.get(watched.state.id)
        if (!state || state.lastSeq !== watched.state.lastSeq || state.status !== watched.state.status) void watched.look()
      }
    } catch (error) {
      this.warn(error)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    for (const watched of this.#watched.values()) watched.close()
  }
}

class Watched {
  followers = 0
  version = 0
  gone = false
  #kept: Chunk[] = []
  #characters = 0
  /** The updates that followers are given together, by the seq they go on after; of this version only. */
  readonly #updates = new Map<number, StreamUpdate>()
  waiting = new Set<Waiter>()
  readonly #off: () => void

  constructor(
    public state: StreamState,
    readonly store: Store,
    readonly warn: (error: unknown) => void,
  ) {
    this.#off = store.signals.on(streamTopic(state.id), () => void this.look())
  }

  readonly look = coalesced(() => this.#look().catch(this.warn))

  /**
   * The state first, then the chunks up to its last seq: together they are one moment's truth. Where more came at once than a page
   * holds, the followers are shown the stream as it was at the end of that page, and then the next: all of them go on together.
   */
  async #look(): Promise<void> {
    const [state] = await readStreamStates(this.store.database, [this.state.id])
    if (!state) this.gone = true
    else {
      const have = this.#kept[this.#kept.length - 1]?.seq ?? this.state.lastSeq
      const chunks = state.lastSeq > have ? await readChunks(this.store.database, state.id, have, state.lastSeq, PAGE) : []
      // What was kept is not what comes before: that has been removed.
      if (chunks.length && chunks[0]!.seq !== have + 1) this.#drop()
      this.#keep(chunks)
      // None though some were counted: they have been removed, as whoever reads on from here is told.
      const lastSeq = chunks.length ? chunks[chunks.length - 1]!.seq : state.lastSeq
      const isWhole = lastSeq >= state.lastSeq
      const status = isWhole || !isFinal(state.status) ? state.status : 'STREAMING'
      if (!isWhole) void this.look()
      if (lastSeq === this.state.lastSeq && status === this.state.status) return
      this.state = { ...state, lastSeq, status }
    }
    await this.#tell()
  }

  #drop(): void {
    this.#kept = []
    this.#characters = 0
  }

  #keep(chunks: Chunk[]): void {
    this.#kept.push(...chunks)
    for (const chunk of chunks) this.#characters += chunk.content.length
    let drop = Math.max(0, this.#kept.length - KEPT)
    for (let i = 0; i < drop; i++) this.#characters -= this.#kept[i]!.content.length
    while (this.#characters > KEPT_CHARACTERS) this.#characters -= this.#kept[drop++]!.content.length
    if (drop) this.#kept = this.#kept.slice(drop)
  }

  /** The kept chunks after `seq` and up to the state's last; null where they do not reach back so far. */
  since(seq: number): readonly Chunk[] | null {
    const first = this.#kept[0]
    if (!first || first.seq > seq + 1) return null
    const part = this.#kept.slice(seq + 1 - first.seq, this.state.lastSeq + 1 - first.seq)
    return part.length ? part : null
  }

  /**
   * Wakes the followers. Where they are many, the next look waits until they are served, and then as long again: else they
   * would have the event loop to themselves, no producer would get a word in, and each message would carry a single chunk.
   */
  async #tell(): Promise<void> {
    const startedAt = performance.now()
    this.#wake()
    if (this.followers < CROWD) return
    await new Promise((resolve) => setImmediate(resolve))
    const tookMs = performance.now() - startedAt
    if (tookMs > BRIEF_MS) await sleep(Math.min(tookMs, LOOK_EVERY_MS))
  }

  /** All that is kept after `seq`, the same object for everybody who goes on there; null where it is not kept. */
  updateAfter(seq: number): StreamUpdate | null {
    const known = this.#updates.get(seq)
    if (known) return known
    const { id, status, lastSeq } = this.state
    const chunks = seq >= lastSeq ? [] : this.since(seq)
    if (!chunks) return null
    const last = Math.max(seq, lastSeq)
    const update = { streamId: id, chunks, lastSeq: last, status, sseId: String(last), [SHARED]: true }
    this.#updates.set(seq, update)
    return update
  }

  #wake(): void {
    this.version++
    this.#updates.clear()
    const woken = this.waiting
    this.waiting = new Set()
    for (const waiter of woken) waiter.wake()
  }

  changed(waiter: Waiter): Promise<void> {
    this.waiting.add(waiter)
    return waiter.wait()
  }

  close(): void {
    this.#off()
    this.#wake()
  }
}

/** Where a follower waits: woken by the hub, and once and for all when the follower leaves. */
class Waiter {
  #resolve: (() => void) | null = null

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  wake(): void {
    this.#resolve?.()
    this.#resolve = null
  }
}
