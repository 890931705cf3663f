/**
 * A GraphQL client that does not give up: while the server is away, or too busy, it waits and asks again.
 *
 * An answer may be lost though what was asked for has happened. So whoever asks for what must happen once sends a key along,
 * or can tell from the refusal that it has happened.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunnerLog } from '../tasks/task-attempt.ts'

export interface UserFault {
  code: string
  message: string
  path: string[] | null
  lastSeq?: number
}

/** The server has understood, and will not, however often it is asked. */
export class ApiRefused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
    this.name = 'ApiRefused'
  }
}

/** Nobody answered, or somebody who cannot now. */
class ApiAway extends Error {
  constructor(
    message: string,
    readonly retryAfterMs = 0,
    /** It failed at this very request. */
    readonly isFault = false,
  ) {
    super(message)
  }
}

interface Answer {
  data?: Record<string, unknown> | null
  errors?: { message: string; extensions?: { code?: string; retryAfterMs?: number } }[]
}

export interface Asking {
  /** Ends the asking, also while it waits. */
  signal?: AbortSignal
  /** How long one try may take; 30 s by default. */
  timeoutMs?: number
}

const AWAY = ['UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL']
const LONGEST_PAUSE_MS = 5000
/** What fails so often in the server itself will not be better by being asked once more. */
const FAULT_TRIES = 6

export class Api {
  readonly #endpoint: string
  #isAway = false

  constructor(
    url: string,
    readonly key: string,
    readonly log: RunnerLog,
  ) {
    this.#endpoint = new URL('/graphql', url).href
  }

  /** What the one root field of the operation answered. */
  async ask<T>(query: string, variables: object, { signal, timeoutMs = 30_000 }: Asking = {}): Promise<T> {
    for (let tries = 0; ; tries++) {
      signal?.throwIfAborted()
      try {
        const answer = await this.#try(query, variables, signal, timeoutMs)
        if (this.#isAway) this.log.info({ url: this.#endpoint }, 'The server answers again.')
        this.#isAway = false
        return Object.values(answer)[0] as T
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof ApiAway)) throw error
        if (error.isFault && tries >= FAULT_TRIES) throw new ApiRefused('INTERNAL', error.message)
        if (!this.#isAway) this.log.warn({ url: this.#endpoint, reason: error.message }, 'The server does not answer; it is asked until it does.')
        this.#isAway = true
        const pauseMs = Math.max(error.retryAfterMs, Math.min(LONGEST_PAUSE_MS, 100 * 2 ** tries))
        await sleep(pauseMs * (0.75 + Math.random() / 2), undefined, signal && { signal })
      }
    }
  }

  async #try(query: string, variables: object, signal: AbortSignal | undefined, timeoutMs: number): Promise<Record<string, unknown>> {
    const timeout = AbortSignal.timeout(timeoutMs)
    let status: number
    let answer: Answer
    try {
      const response = await fetch(this.#endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', authorization: `Bearer ${this.key}` },
        body: JSON.stringify({ query, variables }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      })
      status = response.status
      answer = (await response.json()) as Answer
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string; message?: string } }
      throw new ApiAway(cause?.code ?? cause?.message ?? message)
    }
    const fault = answer.errors?.[0]
    const code = fault?.extensions?.code ?? ''
    if (AWAY.includes(code) || (status >= 500 && !code))
      throw new ApiAway(fault?.message ?? `It answered ${status}.`, fault?.extensions?.retryAfterMs, code === 'INTERNAL')
    if (fault || !answer.data) throw new ApiRefused(code || String(status), fault?.message ?? `The server answered ${status}.`)
    return answer.data
  }
}
