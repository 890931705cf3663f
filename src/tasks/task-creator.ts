/**
 * Writes down tasks that many ask for at the same time: whoever asks while a commit is under way goes with the next, all of them by
 * one statement. What this server has room for is handed to its own workers in the same commit, already under their lease.
 */
import { type Actor, actorId, server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { type Committed, reading, transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { randomToken } from '../secrets.ts'
import type { TaskValues } from './task.ts'
import { type TaskMade, taskCreateUnique } from './task-create.ts'
import { type Prepared, type TaskCreation, taskPrepare } from './task-prepare.ts'
import type { TaskTypes } from './task-type.ts'
import type { Claimed } from './tasks-claim.ts'
import { type HandOver, leaseOf, tasksInsert } from './tasks-insert.ts'

/** A server's own workers, as far as new tasks concern them. */
export interface Takers {
  readonly worker: string
  /** Sets aside room for up to so many; fewer, or none, where there is none or where others wait already. */
  reserve(count: number): number
  /** Gives room back that was set aside. */
  free(count: number): void
  /** Begins with what was handed over. */
  take(claimed: readonly Claimed[]): void
}

interface Entry {
  prepared: Prepared
  actor: Actor
  resolve: (committed: Committed<TaskMade>) => void
  reject: (error: unknown) => void
}

const AT_ONCE = 500

export class TaskCreator {
  #queue: Entry[] = []
  #running = false

  constructor(
    readonly store: Store,
    readonly types: TaskTypes,
    readonly takers: Takers | null,
  ) {}

  /** Resolves once the task is committed. */
  async create(actor: Actor, creation: TaskCreation): Promise<Committed<TaskMade>> {
    if (!isPlain(creation)) return transact(this.store, actor, (work) => taskCreateUnique(work, this.types, creation))
    const prepared = await taskPrepare(reading(this.store, actor), this.types, creation)
    if (prepared.streams) return transact(this.store, actor, (work) => taskCreateUnique(work, this.types, creation))
    return new Promise((resolve, reject) => {
      this.#queue.push({ prepared, actor, resolve, reject })
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    // What is asked for in this same turn of the event loop goes along.
    await Promise.resolve()
    while (this.#queue.length) await this.#commit(this.#queue.splice(0, AT_ONCE))
    this.#running = false
  }

  async #commit(entries: Entry[]): Promise<void> {
    const handOver = this.#reserve(entries)
    try {
      const { result, position } = await transact(this.store, server, (work) => this.#write(work, entries, handOver))
      this.#start(result.made, handOver, entries)
      const through = result.through.at(-1)!
      for (const [i, { resolve }] of entries.entries())
        resolve({ result: { task: result.made[i]!, isDuplicate: false }, position: position! - (through - result.through[i]!) })
    } catch (error) {
      this.takers?.free(handOver?.ids.size ?? 0)
      if (entries.length === 1) return entries[0]!.reject(error)
      // One of them may be at fault (an id that is taken), and must not take the others with it.
      for (const entry of entries) await this.#commit([entry])
    }
  }

  /** The first of those that could start at once, as many as there is room for. */
  #reserve(entries: readonly Entry[]): HandOver | undefined {
    const ready = entries.filter(({ prepared }) => mayStart(prepared) && this.types.get(prepared.type)?.rate === undefined && this.types.get(prepared.type))
    const room = ready.length ? (this.takers?.reserve(ready.length) ?? 0) : 0
    if (!room) return undefined
    return { worker: this.takers!.worker, leaseToken: randomToken(), ids: new Set(ready.slice(0, room).map(({ prepared }) => prepared.id)) }
  }

  async #write(work: Work, entries: readonly Entry[], handOver?: HandOver): Promise<{ made: TaskValues[]; through: number[] }> {
    const inserts = entries.map(({ prepared, actor }) => ({ ...prepared, actorId: actorId(actor) ?? undefined })) as Parameters<typeof tasksInsert>[1]
    const made = await tasksInsert(work, inserts, handOver)
    for (const [i, { actor }] of entries.entries())
      if (actor.call) work.entries.push(work.trail.entryOf(actor, actor.call, { subject: { type: 'Task', id: made[i]!.id } }))
    let events = 0
    return { made, through: made.map(({ status }) => (events += status === 'RUNNING' ? 2 : 1)) }
  }

  #start(made: readonly TaskValues[], handOver: HandOver | undefined, entries: readonly Entry[]): void {
    if (!handOver) return
    const started = made.flatMap((task, i) =>
      task.status === 'RUNNING'
        ? [{ ...leaseOf(handOver, task.id), task, params: entries[i]!.prepared.params, traceparent: entries[i]!.prepared.traceparent, leaseExpiresAtMs: 0 }]
        : [],
    )
    this.takers!.free(handOver.ids.size)
    this.takers!.take(started)
  }
}

/** Whether nothing but the row has to be written. */
const isPlain = ({ dependsOn, parentId, unique, stream }: TaskCreation): boolean => !dependsOn?.length && parentId === undefined && !unique && !stream

const mayStart = ({ runImmediately, runAt, concurrencyKey }: Prepared): boolean =>
  runImmediately !== false && runAt === undefined && concurrencyKey === undefined
