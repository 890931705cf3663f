/** All the tasks there are, as a Map. */
import { BadUserInput } from './errors.ts'
import { frozen } from './json.ts'
import { isTaskId, onceKey } from './keys.ts'
import { type Task, Task_FIELDS, type TaskCreateInput, type TaskEventKind, type TaskFilter, type TaskUpdateInput } from './schema.ts'
import { type TaskChange, type TaskHost, TaskMap } from './task-map.ts'

/** What a task is made of; the key says the rest. */
export type TaskGiven = Omit<TaskCreateInput, 'id' | 'idempotencyKey' | 'sessionKey' | 'unique'>

export interface TasksChange {
  /** Its place in the log: go on behind it with `after`. */
  readonly cursor: string
  readonly key: string
  readonly kind: TaskEventKind
  readonly occurredAt: string
  /** The values after the change, those that were other before it under `before`. */
  readonly data: { readonly [name: string]: unknown }
  /** The task as it is now, which may be further on than this change; undefined where it is not there now. */
  readonly value: Task | undefined
}

/** What can be changed of a task that is there; the rest holds still. */
const CHANGEABLE = [
  'params',
  'description',
  'domain',
  'driftScore',
  'priority',
  'runAt',
  'maxAttempts',
  'timeoutSeconds',
  'totalTimeoutSeconds',
  'onDependencyFailure',
] as const satisfies (keyof TaskUpdateInput)[]

/** A key is a task's id, `Task:…`, or a word of one's own. */
export class Tasks extends TaskMap<Task, Task, TasksChange> {
  protected readonly fields = Task_FIELDS
  readonly #filter: TaskFilter

  constructor(host: TaskHost, filter: TaskFilter = {}) {
    super(host, '')
    this.#filter = filter
  }

  /** Of them, those that fulfil a condition: to count, iterate and watch. */
  where(filter: TaskFilter): Tasks {
    return new Tasks(this.host, { and: [this.#filter, filter] })
  }

  /**
   * Makes the task under this key, and queues it unless `runImmediately` is false; where it is there already, changes what is
   * different. The same again changes nothing. What says how it is run can be changed only while it waits (`WrongState`): to run it
   * once more, `delete` it first, or `taskRetry` it.
   */
  async set(key: string, given: TaskGiven): Promise<this> {
    const id = await this.idOf(key)
    await this.put(
      id,
      async () => {
        const known = await this.get(key)
        if (!known) return null
        if (known.type !== given.type)
          throw new BadUserInput([
            { code: 'BAD_USER_INPUT', message: `It is of the type ${known.type}; delete it to make one of another.`, path: ['input', 'type'] },
          ])
        // What has begun may have been given less than it was made of: its type fills in the rest.
        const isAsGiven = known.status === 'CREATED' || known.status === 'QUEUED' ? isSame : holds
        const changed = CHANGEABLE.filter((name) => given[name] !== undefined && !isAsGiven(given[name], known[name]))
        if (!changed.length) return known
        const input = Object.fromEntries(changed.map((name) => [name, given[name]]))
        return this.mutate('taskUpdate', 'TaskUpdateInput', { ...input, id, idempotencyKey: onceKey() })
      },
      () => this.mutate('taskCreate', 'TaskCreateInput', { ...given, id, ...(!isTaskId(key) && { sessionKey: key }), idempotencyKey: onceKey() }),
    )
    return this
  }

  override async idOf(key: string): Promise<string> {
    return isTaskId(key) ? key : super.idOf(key)
  }

  protected async filter(): Promise<TaskFilter> {
    return this.#filter
  }

  protected valueOf(task: Task): Task {
    return frozen(task)
  }

  protected snapshot(key: string, task: Task | null, cursor: string): TasksChange {
    const data = { status: task?.status ?? null }
    return { cursor, key, kind: 'SNAPSHOT', occurredAt: new Date().toISOString(), data, value: task ? this.valueOf(task) : undefined }
  }

  protected changeOf({ cursor, kind, occurredAt, data, task }: TaskChange<Task>, key: string): TasksChange {
    return { cursor, key, kind, occurredAt, data, value: task ? this.valueOf(task) : undefined }
  }
}

const isObject = (value: unknown): value is { [name: string]: unknown } => typeof value === 'object' && value !== null

/** Moments may be written in several ways; objects in any order of their fields. */
const isSame = (given: unknown, kept: unknown): boolean => holds(given, kept) && holds(kept, given)

/** Whether all that was given is there. */
function holds(given: unknown, kept: unknown): boolean {
  if (given === kept) return true
  if (typeof given === 'string' && typeof kept === 'string') return /^\d{4}-\d\d-\d\dT/.test(kept) && Date.parse(given) === Date.parse(kept)
  if (!isObject(given) || !isObject(kept) || Array.isArray(given) !== Array.isArray(kept)) return false
  if (Array.isArray(given) && given.length !== kept.length) return false
  return Object.entries(given).every(([name, value]) => value === undefined || holds(value, kept[name]))
}
