/** Operations over HTTP: queries and mutations asked again while no answer comes, subscriptions as server-sent events. */
import { Access, type AccessOptions } from './access.ts'
import { type Fault, HoldfastError, RateLimited, told, Unauthenticated, Unavailable } from './errors.ts'
import { pause, pauseAfter } from './pause.ts'
import { type ServerSent, serverSent } from './server-sent.ts'

export interface TransportOptions extends AccessOptions {
  /** Where the server is, as `http://127.0.0.1:4000`. */
  url: string
  /** How long a request is tried again while no answer comes; 30,000 ms. A watch and a stream wait as long as it takes. */
  patienceMs?: number
  /** Instead of the platform's own. */
  fetch?: typeof fetch
}

export interface AskOptions {
  signal?: AbortSignal | undefined
  /** Whether it does no harm to ask twice; known of queries, and of mutations with an `idempotencyKey`. */
  isRepeatable?: boolean | undefined
}

interface Answer {
  data?: unknown
  errors?: readonly Fault[]
}

const PATIENCE_MS = 30_000
/** The server says something every 12 s. */
const SILENT_MS = 40_000

export class Transport {
  readonly access: Access
  readonly #endpoint: string
  readonly #fetch: typeof fetch
  readonly #patienceMs: number

  constructor(options: TransportOptions) {
    this.#endpoint = new URL('/graphql', options.url).href
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS
    const fetched = options.fetch ?? globalThis.fetch
    // A browser's works only as its window's own.
    this.#fetch = (input, init) => fetched(input, init)
    // Logging in twice opens a session more; a refresh token may be sent again for as long as its answer can be lost.
    this.access = new Access(options, (query, variables) => this.#patiently(() => this.#answer(query, variables, null), true))
  }

  async ask<Data>(query: string, variables: object = {}, options: AskOptions = {}): Promise<Data> {
    const isRepeatable = options.isRepeatable ?? (!/^\s*mutation\b/.test(query) || hasKey(variables))
    return this.#authorized((authorization) =>
      this.#patiently(() => this.#answer<Data>(query, variables, authorization, options.signal), isRepeatable, options.signal),
    )
  }

  /** What a subscription tells. Returns true once that has ended, false where the connection did. */
  async *events<Data>(query: string, variables: object, signal: AbortSignal): AsyncGenerator<Data, boolean, void> {
    let sent: string | null = null
    const response = await this.#authorized((authorization) => {
      sent = authorization
      return eventsOf(this.#post({ query, variables, authorization, accept: 'text/event-stream', signal }))
    })
    for await (const { event, data } of serverSent(response.body!, SILENT_MS)) {
      if (event === 'complete') return true
      if (event !== 'next') continue
      const answer = JSON.parse(data) as Answer
      if (answer.errors?.length) throw await this.#turnedAway(told(answer.errors), sent)
      yield answer.data as Data
    }
    return false
  }

  /** What a plain door (`/streams/…`) says, from behind an event on. Returns as `events` does. */
  async *door(path: string, lastEventId: string | null, signal: AbortSignal): AsyncGenerator<ServerSent, boolean, void> {
    let sent: string | null = null
    const response = await this.#authorized((authorization) => {
      sent = authorization
      const headers = { ...(authorization && { authorization }), ...(lastEventId !== null && { 'last-event-id': lastEventId }) }
      return eventsOf(this.#fetched(new URL(path, this.#endpoint).href, { headers, signal }))
    })
    // Nothing is left to be said.
    if (response.status === 204) return true
    for await (const said of serverSent(response.body!, SILENT_MS)) {
      if (said.event === 'refused') throw await this.#turnedAway(told([JSON.parse(said.data)]), sent)
      yield said
      if (said.event === 'status') return true
    }
    return false
  }

  /** The right ended in the middle: whoever opens it again does so with other tokens, where there are any. */
  async #turnedAway(error: HoldfastError, sent: string | null): Promise<HoldfastError> {
    if (error instanceof Unauthenticated) await this.access.renew(sent)
    return error
  }

  /** Once more, with new tokens, where the old ones were not taken. */
  async #authorized<T>(ask: (authorization: string | null) => Promise<T>): Promise<T> {
    const authorization = await this.access.authorization()
    try {
      return await ask(authorization)
    } catch (error) {
      if (!(error instanceof Unauthenticated) || !(await this.access.renew(authorization))) throw error
    }
    return ask(await this.access.authorization())
  }

  async #patiently<T>(ask: () => Promise<T>, isRepeatable: boolean, signal?: AbortSignal): Promise<T> {
    const began = Date.now()
    for (let failures = 0; ; failures++) {
      try {
        return await ask()
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        // What was turned away at the door had no effect, and may always come again.
        const mayComeAgain = error instanceof RateLimited || (error instanceof Unavailable && isRepeatable)
        const waitMs = error instanceof RateLimited ? error.retryAfterMs : pauseAfter(failures)
        if (!mayComeAgain || Date.now() - began + waitMs > this.#patienceMs) throw error
        await pause(waitMs, signal)
      }
    }
  }

  async #answer<Data>(query: string, variables: object, authorization: string | null, signal?: AbortSignal): Promise<Data> {
    const response = await this.#post({ query, variables, authorization, accept: 'application/json', signal })
    const answer = await answerOf(response)
    if (!answer?.data || answer.errors?.length) throw refusal(response, answer)
    return answer.data as Data
  }

  #post({ query, variables, authorization, accept, signal }: Posting): Promise<Response> {
    return this.#fetched(this.#endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, ...(authorization && { authorization }) },
      body: JSON.stringify({ query, variables }),
      ...(signal && { signal }),
    })
  }

  async #fetched(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, init)
    } catch (error) {
      throw Unavailable.because(`${url} cannot be reached.`, error)
    }
  }
}

interface Posting {
  query: string
  variables: object
  authorization: string | null
  accept: string
  signal?: AbortSignal | undefined
}

/** A response that tells events, or nothing. */
async function eventsOf(opening: Promise<Response>): Promise<Response> {
  const opened = await opening
  if (opened.status === 204 || opened.headers.get('content-type')?.startsWith('text/event-stream')) return opened
  throw refusal(opened, await answerOf(opened))
}

const answerOf = async (response: Response): Promise<Answer | null> => (await response.json().catch(() => null)) as Answer | null

function refusal({ status }: Response, answer: Answer | null): HoldfastError {
  if (answer?.errors?.length) return told(answer.errors)
  const message = `No answer of a Holdfast but HTTP ${status}.`
  return status >= 400 && status < 500 ? new HoldfastError([{ message, code: 'BAD_USER_INPUT' }]) : Unavailable.because(message)
}

/** As `{input: {idempotencyKey}}`. */
const hasKey = (variables: object): boolean =>
  Object.values(variables).some(
    (input) => typeof input === 'object' && input !== null && typeof (input as { idempotencyKey?: unknown }).idempotencyKey === 'string',
  )
