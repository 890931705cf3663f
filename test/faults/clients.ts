/**
 * Clients of a server that is killed again and again. They keep on: what was not acknowledged they send once more, what
 * they follow they resume. And they keep book, to be held against the database.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { newId } from '../../src/core/ids.ts'
import { OUTSIDE_LEASE_MS } from '../../src/streams/stream.ts'

/** So much earlier than its client a server may count a silence. */
const LATENCY_MS = 20_000

/** Where the server is, while it is there. */
export class Gate {
  #url: string | null = null
  #waiting: ((url: string) => void)[] = []

  open(url: string): void {
    this.#url = url
    for (const go of this.#waiting.splice(0)) go(url)
  }

  shut(): void {
    this.#url = null
  }

  get url(): Promise<string> {
    return this.#url ? Promise.resolve(this.#url) : new Promise((resolve) => this.#waiting.push(resolve))
  }
}

// biome-ignore lint/suspicious/noExplicitAny: whoever asks knows what is answered
type Data = any
interface Result {
  data?: Data
  errors?: { message: string }[]
}

/** What was acknowledged to the clients. */
export class Book {
  readonly users: string[] = []
  /** Task by id, with the number of words it asks for. */
  readonly tasks = new Map<string, number>()
  /** The acknowledged chunks of each stream that is written from outside. */
  readonly written = new Map<string, string[]>()
  readonly completed = new Set<string>()
  /** What the follower of each stream has read. */
  readonly read = new Map<string, string[]>()
  /** Every event that the follower of the tasks was told. */
  readonly events: { cursor: string; kind: string; taskId: string }[] = []
  /** What no client of a correct server meets. */
  readonly faults: string[] = []
}

export class Clients {
  readonly book = new Book()
  readonly #following: Promise<void>[] = []
  readonly #leaving = new AbortController()
  #stopping = false
  #token = ''

  constructor(readonly gate: Gate) {}

  /** The owner of everything, and the begin of all following. */
  async enter(): Promise<void> {
    const input = { email: 'owner@example.com', password: 'correct horse battery', displayName: 'owner', idempotencyKey: 'owner' }
    const { data } = await this.#ask(REGISTER, { input })
    this.#token = data.userRegister.tokens.accessToken
    this.book.users.push(input.email)
    const start = await this.#ask('{ eventCursor }')
    this.#following.push(this.#followTasks(start.data.eventCursor))
  }

  /** Works until `stop`. */
  work(): Promise<unknown> {
    return Promise.all([this.#register(), this.#create(), this.#write(), this.#write(), this.#write()])
  }

  stop(): void {
    this.#stopping = true
  }

  /** Resolves when every stream that is followed has come to its end. */
  async readToEnd(): Promise<void> {
    for (let count = -1; count !== this.#following.length; ) {
      count = this.#following.length
      await Promise.all(this.#following.slice(1))
    }
  }

  async leave(): Promise<void> {
    this.#leaving.abort()
    await Promise.all(this.#following)
  }

  async #register(): Promise<void> {
    while (!this.#stopping) {
      const email = `${newId()}@example.com`
      await this.#does(REGISTER, { input: { email, password: 'correct horse battery', displayName: 'one of many', idempotencyKey: email } })
      this.book.users.push(email)
      await pause(150)
    }
  }

  async #create(): Promise<void> {
    while (!this.#stopping) {
      const words = randomInt(20, 300)
      const id = `Task:${newId()}`
      await this.#does(CREATE, { input: { id, type: 'text.generate', params: { prompt: String(words) }, maxAttempts: 100 } })
      this.book.tasks.set(id, words)
      await pause(150)
    }
  }

  /** One stream after the other, each written chunk by chunk. */
  async #write(): Promise<void> {
    while (!this.#stopping) {
      const id = `Stream:${newId()}`
      const { producerToken } = await this.#does(OPEN, { input: { id } })
      const chunks: string[] = []
      this.book.written.set(id, chunks)
      this.#follow(id)
      let heardAt = performance.now()
      const isSilenced = (refusal?: string) => refusal === 'STREAM_NOT_OPEN' && performance.now() - heardAt > OUTSIDE_LEASE_MS - LATENCY_MS
      let silenced = false
      for (let left = randomInt(20, 200); left > 0 && !silenced; ) {
        const contents = Array.from({ length: Math.min(left, randomInt(1, 4)) }, () => `${id.slice(-4)}/${left--} `)
        const afterSeq = chunks.length - 1
        const input = { id, producerToken, afterSeq, chunks: contents.map((content) => ({ content })) }
        const { userErrors } = await this.#does(APPEND, { input }, (refusal, sent) => isSilenced(refusal) || (sent > 0 && refusal === 'STREAM_SEQ_MISMATCH'))
        silenced = isSilenced(userErrors?.[0]?.code)
        if (silenced) continue
        heardAt = performance.now()
        chunks.push(...contents)
        await pause(5)
      }
      if (silenced) continue
      const end = { id, producerToken, afterSeq: chunks.length - 1 }
      const { userErrors } = await this.#does(COMPLETE, { input: end }, (refusal, sent) => sent > 0 && refusal === 'STREAM_NOT_OPEN')
      // Or so long without an answer that its lease ran out: then it may be INTERRUPTED.
      if (isSilenced(userErrors?.[0]?.code)) continue
      this.book.completed.add(id)
    }
  }

  #follow(streamId: string): void {
    if (this.book.read.has(streamId)) return
    const chunks: string[] = []
    this.book.read.set(streamId, chunks)
    this.#following.push(this.#followStream(streamId, chunks))
  }

  async #followStream(id: string, chunks: string[]): Promise<void> {
    const faults = (fault: string) => this.book.faults.push(`${id}: ${fault}`)
    for (;;) {
      try {
        for await (const { streamChunks: update } of this.#subscribe(CHUNKS, { id, afterSeq: chunks.length - 1 })) {
          for (const { seq, content } of update.chunks) {
            if (seq !== chunks.length) faults(`was told seq ${seq} after ${chunks.length - 1}`)
            chunks.push(content)
          }
          if (update.lastSeq !== chunks.length - 1) faults(`was told that ${update.lastSeq} is the last seq after ${chunks.length - 1}`)
          if (!['PENDING', 'STREAMING'].includes(update.status)) return
        }
      } catch (error) {
        if (error instanceof Told) return void faults(error.message)
      }
    }
  }

  async #followTasks(from: string): Promise<void> {
    let after = from
    while (!this.#leaving.signal.aborted) {
      try {
        for await (const { tasksUpdated: event } of this.#subscribe(TASKS, { after })) {
          this.book.events.push(event)
          after = event.cursor
          if (event.kind === 'STREAM_OPENED') this.#follow(event.data.streamId)
        }
      } catch (error) {
        if (error instanceof Told) return void this.book.faults.push(`tasksUpdated: ${error.message}`)
      }
    }
  }

  /** Sends until it is answered. `isExpected`: refusals that are no fault, such as one that means, at a second sending, that the first had arrived. */
  async #does(query: string, variables: object, isExpected: (refusal: string, sent: number) => boolean = () => false): Promise<Data> {
    for (let sent = 0; ; sent++) {
      let result: Result
      try {
        result = await this.#ask(query, variables)
      } catch {
        continue
      }
      const payload = (Object.values(result.data ?? {})[0] ?? {}) as { userErrors?: { code: string }[] }
      const refusal = result.errors?.[0]?.message ?? payload.userErrors?.[0]?.code
      if (refusal && !isExpected(refusal, sent)) this.book.faults.push(`${query.slice(0, 60)} was refused after ${sent} retries: ${refusal}`)
      return payload
    }
  }

  async #ask(query: string, variables: object = {}): Promise<Result> {
    const response = await this.#send({ query, variables }, 'application/json')
    return (await response.json()) as Result
  }

  async #send(body: object, accept: string, signal?: AbortSignal): Promise<Response> {
    return fetch(`${await this.gate.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, ...(this.#token && { authorization: `Bearer ${this.#token}` }) },
      body: JSON.stringify(body),
      signal: signal ?? AbortSignal.timeout(20_000),
    })
  }

  /** Ends or fails with the connection; throws `Told` what the server says. */
  async *#subscribe(query: string, variables: object): AsyncGenerator<Data> {
    const response = await this.#send({ query, variables }, 'text/event-stream', this.#leaving.signal)
    const decoder = new TextDecoder()
    let buffer = ''
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      buffer += decoder.decode(part, { stream: true })
      for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
        const data = /^data: (.+)$/m.exec(buffer.slice(0, end))?.[1]
        buffer = buffer.slice(end + 2)
        if (!data) continue
        const result = JSON.parse(data) as Result
        if (result.errors) throw new Told(result.errors[0]!.message)
        yield result.data
      }
    }
  }
}

/** What a server said, as opposed to a connection that broke. */
class Told extends Error {}

const REGISTER = `mutation ($input: UserRegisterInput!) { userRegister(input: $input) { tokens { accessToken } userErrors { code } } }`
const CREATE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code } } }`
const OPEN = `mutation ($input: StreamOpenInput!) { streamOpen(input: $input) { producerToken userErrors { code } } }`
const APPEND = `mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { code } } }`
const COMPLETE = `mutation ($input: StreamCompleteInput!) { streamComplete(input: $input) { stream { status } userErrors { code } } }`
const CHUNKS = `subscription ($id: ID!, $afterSeq: Int) { streamChunks(streamId: $id, afterSeq: $afterSeq) { chunks { seq content } lastSeq status } }`
const TASKS = `subscription ($after: Cursor) { tasksUpdated(after: $after) { cursor kind taskId data } }`
