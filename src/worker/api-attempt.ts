/**
 * One attempt at a task by a worker away from the server.
 *
 * It is what `TaskAttempt` is in a server: the function runs against an AbortSignal, and whatever ends it, the end is told once,
 * and as often as it takes. Whether the lease is still held is for the server to say; by its own clock the worker gives up
 * when it could not renew it in time, for then another may have begun.
 */
import { DomainError } from '../core/errors.ts'
import { keptJson, keptText } from '../core/kept-text.ts'
import { AttemptEnd, type Ending } from '../tasks/attempt-ending.ts'
import { ABORT_GRACE_MS } from '../tasks/task.ts'
import type { RunnerLog } from '../tasks/task-attempt.ts'
import { type ChildCreation, type RelatedTask, refuseDatabase, type TaskOutcome, type TaskRun, type TaskType } from '../tasks/task-type.ts'
import { type Api, ApiRefused, type UserFault } from './api.ts'
import { ApiAppender, ApiStreamWriter } from './api-stream.ts'
import { CHILD, COMPLETE, FAIL, OPEN_STREAM, RELEASE, related, WAIT } from './operations.ts'

export interface ClaimedTask {
  leaseToken: string
  task: { id: string; type: string; params: unknown; attempt: number; timeoutSeconds: number | null; owner: { id: string } }
}

export interface Report {
  progress?: number
  progressMessage?: string
}

interface Host {
  readonly api: Api
  readonly log: RunnerLog
  /** Aborts when what cannot be told now will not be told. */
  readonly givingUp: AbortSignal
  /** There is something to tell with the next heartbeat. */
  reports(): void
}

const bare = (globalId: string) => globalId.slice(globalId.indexOf(':') + 1)

export class ApiAttempt {
  /** What is new since the last heartbeat. */
  report: Report = {}
  /** When the lease runs out, by this process's own steady clock. */
  leaseEndsAt: number
  readonly #abort = new AbortController()
  readonly #writers: ApiStreamWriter[] = []
  #isOver = false

  constructor(
    readonly host: Host,
    readonly claim: ClaimedTask,
    readonly type: TaskType,
    readonly leaseMs: number,
    claimedAt: number,
  ) {
    this.leaseEndsAt = claimedAt + leaseMs
  }

  get lease() {
    return { id: this.claim.task.id, leaseToken: this.claim.leaseToken }
  }

  /** Ends the attempt from outside; the first reason counts. */
  end(reason: AttemptEnd): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(reason)
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { id: taskId, attempt } = this.claim.task
    try {
      const ending = await this.#work()
      this.#isOver = true
      await this.#tell(ending)
    } catch (error) {
      const code = error instanceof ApiRefused ? error.code : undefined
      if (code === 'TASK_NOT_LEASED' || code === 'NOT_FOUND')
        this.host.log.info({ taskId, attempt }, 'The lease was lost before the end could be told; another attempt has the task.')
      // The lease will run out, and the task be given to another.
      else this.host.log.warn({ err: error, taskId, attempt }, 'The end of an attempt could not be told.')
    }
  }

  /** Runs the function, and does not wait for one that ignores its signal. */
  async #work(): Promise<Ending> {
    const { signal } = this.#abort
    const done = this.#run().then(
      (outcome): Ending => ({ outcome }),
      (error: unknown): Ending => (signal.aborted ? { end: signal.reason as AttemptEnd } : { error }),
    )
    let graceTimer: NodeJS.Timeout | undefined
    const released = new Promise<Ending>((resolve) => {
      signal.addEventListener('abort', () => {
        graceTimer = setTimeout(() => resolve({ end: signal.reason as AttemptEnd }), ABORT_GRACE_MS)
      })
    })
    const ending = await Promise.race([done, released])
    clearTimeout(graceTimer)
    return ending
  }

  async #run(): Promise<TaskOutcome> {
    this.#abort.signal.throwIfAborted()
    const params = this.type.params.safeParse(this.claim.task.params)
    if (!params.success) throw new Error(`The params do not fit the task type: ${params.error.issues[0]?.message}`)
    return this.type.run(this.#taskRun(params.data))
  }

  #taskRun(params: unknown): TaskRun {
    const { task } = this.claim
    return {
      id: bare(task.id),
      type: this.type.name,
      ownerId: bare(task.owner.id),
      attempt: task.attempt,
      params,
      signal: this.#abort.signal,
      progress: (fraction, message) => {
        if (this.#isOver || Number.isNaN(fraction)) return
        this.report = { progress: Math.min(1, Math.max(0, fraction)), ...(message !== undefined && { progressMessage: keptText(message, 1000) }) }
        this.host.reports()
      },
      openStream: (about) => this.#openStream(about),
      atEnd: refuseDatabase,
      transact: refuseDatabase,
      dependencies: () => this.#related('dependsOn'),
      children: () => this.#related('children'),
      createChild: (key, child) => this.#createChild(key, child),
    }
  }

  async #openStream(about: { model?: string; provider?: string }): Promise<ApiStreamWriter> {
    const { task, leaseToken } = this.claim
    const idempotencyKey = `${task.id} ${task.attempt} ${this.#writers.length}`
    const opened = await this.#ask<{ stream: { id: string }; producerToken: string }>(OPEN_STREAM, { taskId: task.id, leaseToken, ...about, idempotencyKey })
    const streamId = bare(opened.stream.id)
    const writer = new ApiStreamWriter(streamId, task.attempt, new ApiAppender(this.host.api, opened.producerToken, this.host.givingUp), (error) => {
      this.host.log.info({ err: error, taskId: task.id, streamId }, 'A stream does not take any more.')
      this.end(AttemptEnd.STREAM_REFUSED)
    })
    this.#writers.push(writer)
    return writer
  }

  async #related(field: 'dependsOn' | 'children'): Promise<RelatedTask[]> {
    const found: RelatedTask[] = []
    for (let after: string | null = null; ; ) {
      const page: { task: { related: { nodes: RelatedTask[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } } = await this.#ask(
        related(field),
        this.lease,
        { after },
      )
      found.push(...page.task.related.nodes.map((task) => ({ ...task, id: bare(task.id) })))
      if (!page.task.related.pageInfo.hasNextPage) return found
      after = page.task.related.pageInfo.endCursor
    }
  }

  async #createChild(key: string, { dependsOn, ...child }: ChildCreation): Promise<string> {
    const input = { ...this.lease, key, ...child, ...(dependsOn && { dependsOn: dependsOn.map((id) => `Task:${id}`) }) }
    return bare((await this.#ask<{ task: { id: string } }>(CHILD, input)).task.id)
  }

  /** What the mutation answered; its first user error is thrown. */
  async #ask<T>(mutation: string, input: object, variables: object = {}): Promise<T> {
    const payload = await this.host.api.ask<T & { userErrors: UserFault[] }>(mutation, { input, ...variables }, { signal: this.host.givingUp })
    const fault = payload.userErrors[0]
    if (fault) throw new ApiRefused(fault.code, fault.message)
    return payload
  }

  async #tell(ending: Ending): Promise<void> {
    const isComplete = await this.#writeRest()
    const end = (mutation: string, about: object = {}) =>
      this.#ask(mutation, { ...this.lease, ...about, idempotencyKey: `end ${this.claim.task.id} ${this.claim.task.attempt} ${mutation.split(' ')[1]}` })
    const fail = (error: string, retry: boolean, retryAfterMs = 0) =>
      end(FAIL, {
        error: keptText(error, 4000) || 'It failed.',
        retry,
        ...(retryAfterMs > 0 && { retryAfterSeconds: Math.min(86_400, Math.ceil(retryAfterMs / 1000)) }),
      })
    if ('end' in ending) {
      if (ending.end === AttemptEnd.LEASE_LOST) return
      // One that was cancelled ends by this, one whose time was over has used its attempt up, any other is taken up again.
      if (ending.end === AttemptEnd.STREAM_REFUSED) await fail(ending.end, true)
      else await end(RELEASE)
    } else if ('error' in ending) {
      const { error, retry, retryAfterMs } = this.#failureOf(ending.error)
      await fail(error, retry, retryAfterMs)
    } else if (!isComplete) await fail(AttemptEnd.STREAM_REFUSED, true)
    else if (ending.outcome.waitForChildren) await end(WAIT)
    else {
      try {
        await end(COMPLETE, keptJson(ending.outcome) as object)
      } catch (error) {
        if (!(error instanceof ApiRefused) || ['TASK_NOT_LEASED', 'NOT_FOUND'].includes(error.code)) throw error
        // What the function answered cannot be told, but that it cannot be.
        await fail(`What came of it was refused: ${error.message}`, false)
      }
    }
  }

  /** The last words of the streams, before the end that completes them. False where they are refused. */
  async #writeRest(): Promise<boolean> {
    for (const writer of this.#writers) {
      for (const append of await writer.remainder()) {
        try {
          await writer.committer.append(append)
        } catch (error) {
          if (error instanceof ApiRefused) return false
          throw error
        }
      }
    }
    return true
  }

  #failureOf(error: unknown): { error: string; retry: boolean; retryAfterMs?: number } {
    if (error instanceof DomainError) {
      const retryAfterMs = 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : 0
      return { error: error.message, retry: error.retryable, retryAfterMs }
    }
    this.host.log.warn({ err: error, taskId: this.claim.task.id, type: this.type.name }, 'A task type failed with an error of its own.')
    return { error: 'The task failed with an internal error; the worker’s log tells more under the id of the task.', retry: true }
  }
}
