/** The thread that multiplies: 20,000 vectors of 384 numbers in some ten milliseconds, beside the event loop. */
import { Worker } from 'node:worker_threads'

/** Plain text, because a thread that is started from a file needs the file's loader. Answers rows and cosines, the nearest first. */
const MULTIPLIER = `
const { parentPort } = require('node:worker_threads')
parentPort.on('message', ({ order, numbers, dimensions, rows, count, query, k }) => {
  const all = new Float32Array(numbers)
  const among = rows ? new Uint32Array(rows) : null
  const heapRows = new Uint32Array(k), heapScores = new Float64Array(k)
  let size = 0
  // The worst of the best lies on top of the heap.
  const sink = (at) => {
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < size && heapScores[child] < heapScores[least]) least = child
      if (least === at) return
      swap(at, least)
      at = least
    }
  }
  const swap = (a, b) => {
    ;[heapRows[a], heapRows[b]] = [heapRows[b], heapRows[a]]
    ;[heapScores[a], heapScores[b]] = [heapScores[b], heapScores[a]]
  }
  const n = among ? among.length : count
  for (let i = 0; i < n; i++) {
    const row = among ? among[i] : i
    const from = row * dimensions
    let score = 0
    for (let d = 0; d < dimensions; d++) score += all[from + d] * query[d]
    if (size < k) {
      let at = size++
      heapRows[at] = row
      heapScores[at] = score
      while (at > 0 && heapScores[(at - 1) >> 1] > heapScores[at]) {
        swap(at, (at - 1) >> 1)
        at = (at - 1) >> 1
      }
    } else if (score > heapScores[0]) {
      heapRows[0] = row
      heapScores[0] = score
      sink(0)
    }
  }
  const best = Array.from({ length: size }, (_, i) => ({ row: heapRows[i], similarity: heapScores[i] })).sort((a, b) => b.similarity - a.similarity || a.row - b.row)
  parentPort.postMessage({ order, best })
})`

export interface Multiplication {
  /** All vectors, one behind the other; shared with the thread, so nothing is copied. */
  numbers: SharedArrayBuffer
  dimensions: number
  /** Only these rows; null: the first `count`. */
  rows: Uint32Array | null
  count: number
  query: Float32Array
  k: number
}

export interface Near {
  row: number
  similarity: number
}

export class ExactThread {
  #thread: Worker | null = null
  #orders = 0
  readonly #waiting = new Map<number, { resolve(best: Near[]): void; reject(error: unknown): void }>()

  nearest(what: Multiplication): Promise<Near[]> {
    const thread = this.#thread ?? this.#begin()
    const order = ++this.#orders
    thread.ref()
    return new Promise<Near[]>((resolve, reject) => {
      this.#waiting.set(order, { resolve, reject })
      thread.postMessage({ order, ...what })
    })
  }

  async close(): Promise<void> {
    await this.#thread?.terminate()
  }

  #begin(): Worker {
    const thread = new Worker(MULTIPLIER, { eval: true, execArgv: [], env: {} })
    this.#thread = thread
    thread.on('message', ({ order, best }: { order: number; best: Near[] }) => {
      this.#waiting.get(order)?.resolve(best)
      this.#waiting.delete(order)
      // It keeps no process alive that has nothing else to do.
      if (!this.#waiting.size) thread.unref()
    })
    // One that broke is followed by another, with the next search.
    const gone = (error: unknown) => {
      if (this.#thread === thread) this.#thread = null
      for (const { reject } of this.#waiting.values()) reject(error instanceof Error ? error : new Error('The thread that compares vectors has ended.'))
      this.#waiting.clear()
    }
    thread.on('error', gone).on('exit', gone)
    return thread
  }
}
