/** What can be run: a registry of task types. */
import { z } from 'zod'
import type { DomainError } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import type { StreamWriter } from '../streams/stream-writer.ts'
import type { RetryPolicyInput } from './retry-policy.ts'
import type { TaskStatus, TaskValues } from './task.ts'
import type { TaskCreation } from './task-prepare.ts'
import type { Rate } from './task-rates.ts'

/** One attempt at a task, as its function sees it. */
export interface TaskRun<Params = unknown> {
  readonly id: string
  readonly type: string
  readonly ownerId: string
  /** 1 in the first run. */
  readonly attempt: number
  readonly params: Params
  /** Aborts when the task is cancelled, times out, loses its lease, or the server stops. */
  readonly signal: AbortSignal
  /** `fraction` from 0 to 1. Written at most a few times a second; the last one always. */
  progress(fraction: number, message?: string): void
  /** Opens a stream of this attempt, or takes up the one that waits for it. It ends when the task does. */
  openStream(about: { model?: string; provider?: string }): Promise<StreamWriter>
  /**
   * Does something more in the one transaction that ends this attempt, before its streams and the task end; not where the lease
   * was lost, for then somebody else has ended it. May run more than once, so it must have no effect but on the database. Only for
   * types that need the database.
   */
  atEnd(also: AtEnd): void
  /**
   * Does something in a transaction of its own, as long as the lease is held; `task` is how it stands then. May run more than once,
   * so it must have no effect but on the database. Only for types that need the database.
   */
  transact<T>(operation: (work: Work, task: TaskValues) => Promise<T>): Promise<T>
  /** What the task depended on, as it ended. */
  dependencies(): Promise<RelatedTask[]>
  /** The tasks that were made as its children, in all its attempts. */
  children(): Promise<RelatedTask[]>
  /**
   * Makes a task that belongs to this one, once for each `key`, however many attempts ask for it. Answers its id. To wait for
   * children, end with `waitForChildren`: holding on to a worker for it could leave the children without one.
   */
  createChild(key: string, child: ChildCreation): Promise<string>
}

export type AtEnd = (work: Work, ending: AttemptEnding) => Promise<void>

/** What `atEnd` and `transact` are where there is no database at hand. */
export const refuseDatabase = (): never => {
  throw new Error('This type writes more than its outcome: it must declare `needsDatabase`.')
}

/** How an attempt ends; `error` is what the user is told. */
export interface AttemptEnding {
  kind: 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT' | 'RELEASED'
  error: string | null
}

/** A task that another one has to do with. */
export interface RelatedTask {
  id: string
  type: string
  status: TaskStatus
  result: unknown
  error: string | null
}

export type ChildCreation = Pick<
  TaskCreation,
  | 'type'
  | 'params'
  | 'description'
  | 'domain'
  | 'priority'
  | 'runAt'
  | 'maxAttempts'
  | 'timeoutSeconds'
  | 'totalTimeoutSeconds'
  | 'dependsOn'
  | 'onDependencyFailure'
>

export interface TaskFile {
  path: string
  change: 'CREATED' | 'MODIFIED' | 'DELETED' | 'READ'
}

export interface TaskOutcome {
  result?: unknown
  summary?: string
  agentsInvolved?: string[]
  /** Figures: tokens, seconds, whatever the work can tell of itself. */
  metrics?: Record<string, unknown>
  /** What it touched. */
  files?: TaskFile[]
  /** It has not ended: it shall be run again once all its children have, however they did. */
  waitForChildren?: boolean
}

export interface TaskType<Params = unknown> {
  name: string
  description: string
  /** Checks the params when the task is made; its JSON Schema is shown in `taskTypes`. */
  params: z.ZodType<Params>
  /** What is wrong with params that have the right form, as names of what is not there; `path` begins with `input`, `params`. */
  refuse?(params: Params): readonly DomainError[]
  /** Whether it writes a stream: then one is opened together with the task. */
  streams?: boolean
  /** What a task has that says nothing else. */
  maxAttempts?: number
  timeoutSeconds?: number
  retryPolicy?: RetryPolicyInput
  /** How many may start in a while, over all servers. */
  rate?: Rate
  /** Its function runs in a process of its own (`process/README.md`); left out: in the server's. */
  runs?: 'process'
  /** It writes more than its outcome into the database, so no worker away from it can run it. */
  needsDatabase?: boolean
  run(task: TaskRun<Params>): Promise<TaskOutcome>
}

export class TaskTypes {
  readonly #types = new Map<string, TaskType>()

  register<Params>(type: TaskType<Params>): void {
    if (type.needsDatabase && type.runs === 'process') throw new Error(`The task type ${type.name} needs the database, which a process of its own has not.`)
    if (this.#types.has(type.name)) throw new Error(`The task type ${type.name} is registered twice.`)
    this.#types.set(type.name, type as unknown as TaskType)
  }

  get(name: string): TaskType | undefined {
    return this.#types.get(name)
  }

  get names(): string[] {
    return [...this.#types.keys()].sort()
  }

  get all(): TaskType[] {
    return this.names.map((name) => this.#types.get(name)!)
  }
}

export const paramsSchema = (type: TaskType): unknown => z.toJSONSchema(type.params, { io: 'input', unrepresentable: 'any' })
