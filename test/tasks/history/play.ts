/** Does to a real database what a history says, and writes down what each was told. */
import { type Actor, server } from '../../../src/core/actor.ts'
import { DomainError } from '../../../src/core/errors.ts'
import { newId } from '../../../src/core/ids.ts'
import { once } from '../../../src/events/once.ts'
import type { Store } from '../../../src/events/store.ts'
import { transact } from '../../../src/events/transact.ts'
import type { Work } from '../../../src/events/work.ts'
import { Prisma } from '../../../src/generated/sqlite/client.ts'
import { lanesOfTypes } from '../../../src/tasks/lanes.ts'
import { leasesRenew } from '../../../src/tasks/leases-renew.ts'
import { type Lease, TASK_VALUES, type TaskValues, toTaskValues } from '../../../src/tasks/task.ts'
import { taskCancel } from '../../../src/tasks/task-cancel.ts'
import { taskComplete, tasksComplete } from '../../../src/tasks/task-complete.ts'
import { taskCreateUnique } from '../../../src/tasks/task-create.ts'
import { TaskCreator } from '../../../src/tasks/task-creator.ts'
import { taskDelete } from '../../../src/tasks/task-delete.ts'
import { taskFail } from '../../../src/tasks/task-fail.ts'
import { taskHeartbeat } from '../../../src/tasks/task-heartbeat.ts'
import type { TaskCreation } from '../../../src/tasks/task-prepare.ts'
import { childCreate } from '../../../src/tasks/task-relatives.ts'
import { taskReleaseCancelled, taskReleaseUnfinished } from '../../../src/tasks/task-release.ts'
import { taskRetry } from '../../../src/tasks/task-retry.ts'
import { taskRun } from '../../../src/tasks/task-run.ts'
import type { TaskTypes } from '../../../src/tasks/task-type.ts'
import { taskUpdate } from '../../../src/tasks/task-update.ts'
import { taskWait } from '../../../src/tasks/task-wait.ts'
import { tasksClaim } from '../../../src/tasks/tasks-claim.ts'
import { tasksPromote } from '../../../src/tasks/tasks-promote.ts'
import { tasksRescue } from '../../../src/tasks/tasks-rescue.ts'
import { tasksStop } from '../../../src/tasks/tasks-stop.ts'
import { type History, KEY_LIMITS, type Step } from './steps.ts'

/** What is tried: the real operations, or one of them broken on purpose. */
export const operations = {
  taskCancel,
  taskComplete,
  tasksComplete,
  taskFail,
  taskHeartbeat,
  taskReleaseUnfinished,
  taskReleaseCancelled,
  taskWait,
  tasksClaim,
  tasksRescue,
}
export type Operations = typeof operations

interface HeldLease extends Lease {
  attempt: number
}

/** What callers were told: every one of these stands in the log once, and nothing else of its kind does. */
export interface Told {
  /** `COMPLETED <task> <attempt>`. */
  ends: string[]
  /** Which tasks a key, or unique params, stood for: with whether the task was new. */
  keys: Map<string, Set<string>>
  uniques: Map<string, string[]>
}

const FAR = new Date('2100-01-01')

export class Play {
  readonly tasks: string[] = []
  readonly told: Told = { ends: [], keys: new Map(), uniques: new Map() }
  readonly leases: HeldLease[][]
  readonly #creators: TaskCreator[]
  /** Who of the workers has room for a task that is handed over. */
  readonly #room: boolean[]

  constructor(
    readonly store: Store,
    readonly types: TaskTypes,
    readonly ownerId: string,
    readonly history: History,
    readonly op: Operations = operations,
  ) {
    this.leases = history.map(() => [])
    this.#room = history.map(() => false)
    this.#creators = history.map(
      (_, process) =>
        new TaskCreator(store, types, {
          worker: `worker ${process}`,
          reserve: (count) => (this.#room[process] ? count : 0),
          free: () => {},
          take: (claimed) => this.leases[process]!.push(...claimed.map(({ id, leaseToken, task }) => ({ id, leaseToken, attempt: task.attempt }))),
        }),
    )
  }

  get owner(): Actor {
    return { kind: 'session', sessionId: 'history', expiresAtMs: Number.MAX_SAFE_INTEGER, userId: this.ownerId, role: 'USER' }
  }

  async run(): Promise<void> {
    await Promise.all(
      this.history.map(async (steps, process) => {
        for (const step of steps) await this.#refusable(() => this.#step(process, step))
      }),
    )
  }

  /** To be refused is an answer; any other error is a fault. */
  async #refusable(act: () => Promise<unknown>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  }

  #task(pick: number): string | null {
    return this.tasks.length ? this.tasks[pick % this.tasks.length]! : null
  }

  async #step(process: number, step: Step): Promise<unknown> {
    switch (step.do) {
      case 'create':
        return this.#create(process, step)
      case 'claim':
        return this.claim(process, step.limit)
      case 'renew':
        return this.as(server, (work) => leasesRenew(work, this.leases[process]!))
      case 'run':
      case 'cancel':
      case 'retry':
      case 'delete':
      case 'update':
        return this.#byUser(step)
      case 'rescue':
      case 'stop':
      case 'due':
        return this.#byTime(step)
      default:
        return this.#byWorker(process, step)
    }
  }

  as<T>(actor: Actor, operation: (work: Work) => Promise<T>): Promise<T> {
    return transact(this.store, actor, operation).then(({ result }) => result)
  }

  async #create(process: number, step: Extract<Step, { do: 'create' }>): Promise<void> {
    const id = newId()
    const parentId = step.parent === null ? undefined : (this.#task(step.parent) ?? undefined)
    const creation: TaskCreation = {
      id,
      type: step.type,
      runImmediately: step.isRun,
      maxAttempts: step.maxAttempts,
      retryPolicy: { initialSeconds: 0 },
      ...(step.isDelayed && { runAt: FAR }),
      ...(step.key && { concurrencyKey: step.key, concurrencyLimit: KEY_LIMITS[step.key] }),
      ...(step.timeoutSeconds && { timeoutSeconds: step.timeoutSeconds }),
      ...(step.totalTimeoutSeconds && { totalTimeoutSeconds: step.totalTimeoutSeconds }),
    }
    if (step.once !== null) {
      const key = `once ${step.once}`
      const { result } = await once(this.store, this.owner, { mutation: 'taskCreate', key: `${this.ownerId} ${key}`, input: key }, async (work) => ({
        id: (await taskCreateUnique(work, this.types, creation)).task.id,
      }))
      this.#note(this.told.keys, key, result.id)
      return this.#made(result.id)
    }
    if (step.how !== 'alone') {
      this.#room[process] = step.how === 'handed over'
      await this.#creators[process]!.create(this.owner, creation)
      return this.#made(id)
    }
    const whole: TaskCreation = {
      ...creation,
      dependsOn: step.dependsOn.map((pick) => this.#task(pick)).filter((each) => each !== null),
      onDependencyFailure: step.onFailure,
      ...(parentId && { parentId }),
      ...(step.unique !== null && { unique: { withinSeconds: 1000 }, params: { number: step.unique } }),
    }
    const { task, isDuplicate } = await this.as(this.owner, (work) => taskCreateUnique(work, this.types, whole))
    if (step.unique !== null && !isDuplicate) {
      const key = `${step.type} ${step.unique}`
      this.told.uniques.set(key, [...(this.told.uniques.get(key) ?? []), task.id])
    }
    this.#made(task.id)
  }

  #made(id: string): void {
    if (!this.tasks.includes(id)) this.tasks.push(id)
  }

  #note(of: Map<string, Set<string>>, key: string, id: string): void {
    of.set(key, (of.get(key) ?? new Set()).add(id))
  }

  async claim(process: number, limit: number): Promise<HeldLease[]> {
    const claimed = await this.as(server, (work) =>
      this.op.tasksClaim(work, { lanes: lanesOfTypes(this.types.names), limit, worker: `worker ${process}`, kind: 'SERVER', leaseSeconds: 1000 }),
    )
    const leases = claimed.map(({ id, leaseToken, task }) => ({ id, leaseToken, attempt: task.attempt }))
    this.leases[process]!.push(...leases)
    return leases
  }

  async #byUser(step: Extract<Step, { do: 'run' | 'cancel' | 'retry' | 'delete' | 'update' }>): Promise<unknown> {
    const id = this.#task(step.task)
    if (!id) return
    const by: Record<string, (work: Work, id: string) => Promise<unknown>> = { run: taskRun, cancel: this.op.taskCancel, retry: taskRetry, delete: taskDelete }
    if (step.do !== 'update') return this.as(this.owner, (work) => by[step.do]!(work, id))
    return this.as(this.owner, (work) =>
      taskUpdate(work, this.types, id, {
        priority: step.priority,
        maxAttempts: step.maxAttempts,
        totalTimeoutSeconds: step.totalTimeoutSeconds,
        onDependencyFailure: step.onFailure,
        ...(step.isDelayed !== undefined && { runAt: step.isDelayed ? FAR : new Date('2001-01-01') }),
        ...(step.dependsOn && { dependsOn: step.dependsOn.map((pick) => this.#task(pick)!) }),
      }),
    )
  }

  async #byWorker(process: number, step: Extract<Step, { lease: number }>): Promise<unknown> {
    const mine = this.leases[process]!
    // The latest ones mostly; the others are stale by now, or about to be.
    const lease = mine[mine.length - 1 - (step.lease % Math.max(1, mine.length))]
    if (!lease) return
    const told = (kind: string, ...leases: HeldLease[]) => this.told.ends.push(...leases.map(({ id, attempt }) => `${kind} ${id} ${attempt}`))
    switch (step.do) {
      case 'heartbeat':
        return this.as(server, (work) => this.op.taskHeartbeat(work, lease, step.progress === null ? {} : { progress: step.progress, progressMessage: 'on' }))
      case 'complete': {
        if (!step.many) return this.as(server, (work) => this.op.taskComplete(work, lease, { result: lease.attempt })).then(() => told('COMPLETED', lease))
        const all = [...new Map(mine.map((each) => [each.id, each])).values()]
        const done = await this.as(server, (work) =>
          this.op.tasksComplete(
            work,
            all.map((each) => ({ ...each, outcome: { result: each.attempt } })),
          ),
        )
        return told('COMPLETED', ...all.filter(({ id }) => done.has(id)))
      }
      case 'fail': {
        const failure = { error: 'It failed.', retry: step.retry, retryAfterMs: step.later ? 100_000 : undefined }
        const status = await this.as(server, (work) => this.op.taskFail(work, lease, failure))
        return told(status === 'QUEUED' ? 'RETRY_SCHEDULED' : 'FAILED', lease)
      }
      case 'release': {
        const how = step.cancelled ? () => 'CANCELLED' : (status: unknown) => (status === 'QUEUED' ? 'RELEASED' : 'CANCELLED')
        const release: (work: Work, lease: Lease) => Promise<unknown> = step.cancelled ? this.op.taskReleaseCancelled : this.op.taskReleaseUnfinished
        return told(how(await this.as(server, (work) => release(work, lease))), lease)
      }
      case 'wait':
        return told((await this.as(server, (work) => this.op.taskWait(work, lease))) === 'QUEUED' ? 'WAITING' : 'CANCELLED', lease)
      case 'child': {
        const parent = { id: lease.id, ownerId: this.ownerId } as TaskValues
        const dependsOn = step.dependsOn.map((pick) => this.#task(pick)!)
        const child = { type: 'test.a', dependsOn, maxAttempts: 1 }
        return this.#made(await this.as(server, (work) => childCreate(work, this.types, lease, parent, step.key, child)))
      }
    }
  }

  async #byTime(step: Extract<Step, { do: 'rescue' | 'stop' | 'due' }>): Promise<unknown> {
    const id = this.#task(step.task)
    if (!id) return
    const one = Prisma.sql`"id" = ${id}`
    const long = Prisma.sql`CAST(1 AS BIGINT)`
    if (step.do === 'rescue') {
      await this.#age(Prisma.sql`"leaseExpiresAtMs" = ${long}`, Prisma.sql`${one} AND "status" = 'RUNNING'`)
      return this.as(server, (work) => this.op.tasksRescue(work))
    }
    if (step.do === 'due') return this.makeDue(one)
    if (step.because === 'cancelled') await this.#age(Prisma.sql`"cancelRequestedAtMs" = ${long}`, Prisma.sql`${one} AND "cancelRequestedAtMs" IS NOT NULL`)
    if (step.because === 'attempt') await this.#age(Prisma.sql`"attemptEndsAtMs" = ${long}`, Prisma.sql`${one} AND "attemptEndsAtMs" IS NOT NULL`)
    if (step.because === 'deadline') await this.#age(Prisma.sql`"deadlineAtMs" = ${long}`, Prisma.sql`${one} AND "deadlineAtMs" IS NOT NULL`)
    return this.as(server, tasksStop)
  }

  async makeDue(which: Prisma.Sql): Promise<unknown> {
    await this.#age(Prisma.sql`"runAtMs" = CAST(1 AS BIGINT)`, Prisma.sql`${which} AND "status" = 'QUEUED' AND "readyAtMs" IS NULL`)
    return this.as(server, tasksPromote)
  }

  /** Time does not pass here, rows are aged; what the log says of them is told by an event of the test's own. */
  #age(set: Prisma.Sql, which: Prisma.Sql): Promise<void> {
    return this.as(server, async (work) => {
      const rows = await work.rows<Record<string, unknown>>(
        Prisma.sql`UPDATE "Task" SET ${set} WHERE "ownerId" = ${this.ownerId} AND ${which} RETURNING ${TASK_VALUES}`,
      )
      for (const after of rows.map(toTaskValues))
        work.events.push({ kind: 'TASK_AGED', subjectType: 'Task', subjectId: after.id, ownerId: after.ownerId, data: { ...after } })
    })
  }

  /** Everybody has died, time goes on, and one worker does what there is to do. What is left over can never be done. */
  async drain(): Promise<void> {
    const all = Prisma.sql`1 = 1`
    await this.#age(Prisma.sql`"leaseExpiresAtMs" = CAST(1 AS BIGINT)`, Prisma.sql`"status" = 'RUNNING'`)
    while ((await this.as(server, (work) => this.op.tasksRescue(work))).length);
    for (let idle = false; !idle; ) {
      await this.makeDue(all)
      const leases = await this.claim(0, 100)
      for (const lease of leases) {
        await this.as(server, (work) => this.op.taskComplete(work, lease, { result: lease.attempt }))
        this.told.ends.push(`COMPLETED ${lease.id} ${lease.attempt}`)
      }
      idle = leases.length === 0
    }
    await this.as(server, tasksStop)
  }
}
