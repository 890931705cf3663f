/**
 * Works on tasks over the API: claims them, keeps their leases, and runs them by the same functions as a server does.
 *
 * Once a second all leases are renewed by one call; what the answer says of each (stop, lost) reaches its attempt then. A claim
 * waits at the server until there is something to do.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { coalesced } from '../core/coalesced.ts'
import { AttemptEnd } from '../tasks/attempt-ending.ts'
import type { RunnerLog } from '../tasks/task-attempt.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { type Api, ApiRefused, type UserFault } from './api.ts'
import { ApiAttempt, type ClaimedTask } from './api-attempt.ts'
import { CLAIM, HEARTBEATS } from './operations.ts'

const WAIT_SECONDS = 20
/** Long enough for a server to be started again meanwhile, and short enough for others to take up soon what a dead worker had. */
const LEASE_SECONDS = 15
const BEAT_EVERY_MS = 900
/** What an attempt tells of itself goes after this. */
const REPORT_AFTER_MS = 250
/** So many fit a call. */
const AT_ONCE = 100
const LEAVING_MS = 100
/** How long ends are still told when the worker stops. */
const PATIENCE_MS = 10_000

interface Beats {
  heartbeats: { id: string; cancelRequested: boolean; reason: 'CANCELLED' | 'TIMED_OUT' | null }[]
  refused: { index: number; userErrors: UserFault[] }[]
  userErrors: UserFault[]
}

export class ApiWorker {
  /** Each with its end. */
  readonly #attempts = new Map<ApiAttempt, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #givingUp = new AbortController()
  #claiming: Promise<void> | null = null
  #beatTimer: NodeJS.Timeout | undefined
  #reportTimer: NodeJS.Timeout | undefined
  #freed = () => {}

  constructor(
    readonly api: Api,
    readonly types: TaskTypes,
    readonly options: { names: readonly string[]; worker: string; concurrency: number; log: RunnerLog; leaseSeconds?: number },
  ) {}

  get log(): RunnerLog {
    return this.options.log
  }

  get givingUp(): AbortSignal {
    return this.#givingUp.signal
  }

  /** Works until `stop`; rejects where the server will not have this worker. */
  async run(): Promise<void> {
    this.#beatTimer = setInterval(() => void this.#beat(), BEAT_EVERY_MS)
    this.#claiming = this.#claimOn()
    await this.#claiming
  }

  reports(): void {
    this.#reportTimer ??= setTimeout(() => {
      this.#reportTimer = undefined
      void this.#beat()
    }, REPORT_AFTER_MS)
  }

  async #claimOn(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const limit = Math.min(AT_ONCE, this.options.concurrency - this.#attempts.size)
      if (limit < 1) {
        await new Promise<void>((resolve) => {
          this.#freed = resolve
        })
        continue
      }
      try {
        await this.#claim(limit, signal)
      } catch (error) {
        if (signal.aborted) return
        throw error
      }
    }
  }

  async #claim(limit: number, signal: AbortSignal): Promise<void> {
    const leaseSeconds = this.options.leaseSeconds ?? LEASE_SECONDS
    const input = { types: this.options.names, limit, leaseSeconds, worker: this.options.worker, waitSeconds: WAIT_SECONDS, idempotencyKey: randomUUID() }
    const { claims, userErrors } = await this.api.ask<{ claims: ClaimedTask[]; userErrors: UserFault[] }>(
      CLAIM,
      { input },
      { signal, timeoutMs: (WAIT_SECONDS + 15) * 1000 },
    )
    const fault = userErrors[0]
    if (fault) throw new ApiRefused(fault.code, fault.message)
    const now = performance.now()
    for (const claim of claims) this.#begin(claim, leaseSeconds * 1000, now)
  }

  #begin(claim: ClaimedTask, leaseMs: number, now: number): void {
    const attempt = new ApiAttempt(this, claim, this.types.get(claim.task.type)!, leaseMs, now)
    const ended = attempt.run().then(() => {
      this.#attempts.delete(attempt)
      this.#freed()
    })
    this.#attempts.set(attempt, ended)
    if (this.#stopping.signal.aborted) attempt.end(AttemptEnd.SHUTDOWN)
  }

  /** Renews every lease, and tells what is new. */
  readonly #beat = coalesced(async () => {
    const held = [...this.#attempts.keys()].filter((attempt) => !this.#isLost(attempt))
    for (let at = 0; at < held.length; at += AT_ONCE) await this.#beatFor(held.slice(at, at + AT_ONCE))
  })

  /** Whether the lease ran out before it could be renewed: another may have begun with the task. */
  #isLost(attempt: ApiAttempt): boolean {
    if (performance.now() < attempt.leaseEndsAt) return false
    attempt.end(AttemptEnd.LEASE_LOST)
    return true
  }

  async #beatFor(attempts: readonly ApiAttempt[]): Promise<void> {
    const reports = attempts.map((attempt) => {
      const { report } = attempt
      attempt.report = {}
      return report
    })
    const sentAt = performance.now()
    try {
      const heartbeats = attempts.map((attempt, i) => ({ ...attempt.lease, ...reports[i] }))
      // Not for longer than the shortest lease holds: then there is nothing to renew any more.
      const over = AbortSignal.timeout(Math.max(0, Math.ceil(Math.min(...attempts.map(({ leaseEndsAt }) => leaseEndsAt)) - sentAt)))
      const answer = await this.api.ask<Beats>(HEARTBEATS, { input: { heartbeats } }, { signal: AbortSignal.any([this.givingUp, over]), timeoutMs: 10_000 })
      if (answer.userErrors[0]) throw new ApiRefused(answer.userErrors[0].code, answer.userErrors[0].message)
      for (const { index } of answer.refused) attempts[index]!.end(AttemptEnd.LEASE_LOST)
      for (const { id, reason } of answer.heartbeats) {
        const attempt = attempts.find((each) => each.lease.id === id)!
        attempt.leaseEndsAt = sentAt + attempt.leaseMs
        if (reason) attempt.end(reason === 'CANCELLED' ? AttemptEnd.CANCELLED : AttemptEnd.TIMED_OUT)
      }
    } catch (error) {
      // What was not told is told with the next one, unless there is newer.
      for (const [i, attempt] of attempts.entries()) attempt.report = { ...reports[i], ...attempt.report }
      if (!this.givingUp.aborted) this.log.warn({ err: error }, 'Leases could not be renewed; it is tried again.')
    }
    for (const attempt of attempts) this.#isLost(attempt)
  }

  /** Gives back what it works on, so that others take it up; waits until that is told, but not for ever. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#freed()
    await this.#claiming?.catch(() => {})
    // So that the server has seen the waiting claim leave: it would be given first what is given back now.
    await sleep(LEAVING_MS)
    for (const attempt of this.#attempts.keys()) attempt.end(AttemptEnd.SHUTDOWN)
    const patience = setTimeout(() => this.#givingUp.abort(), PATIENCE_MS)
    await Promise.all(this.#attempts.values())
    clearTimeout(patience)
    clearTimeout(this.#reportTimer)
    clearInterval(this.#beatTimer)
  }
}
