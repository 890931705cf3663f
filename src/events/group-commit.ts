/**
 * Many operations, one commit: for a database with one writer, where whoever waits for the writer may as well go along.
 *
 * An operation that fails is undone by itself and takes nobody with it. Whoever asks while a group is under way joins it, as
 * long as it is small and young; nobody is told of a success or a failure before all of the group is on disk.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { type Actor, actorId } from '../core/actor.ts'
import type { OpenTransaction } from '../db/database.ts'
import { appendEvents, type LoggedEvent } from './log.ts'
import type { Store } from './store.ts'
import { type NewEntry, originsWrite, tellOfCall } from './trail.ts'
import { type Outcome, workIn } from './transact.ts'
import type { NewEvent, Work } from './work.ts'

interface Entry {
  store: Store
  actor: Actor
  operation: (work: Work) => Promise<unknown>
  resolve: (outcome: Outcome<unknown>) => void
  reject: (error: unknown) => void
}

const GROUP_SIZE = 100
const GROUP_MS = 25
/** An operation awaits nothing but the database; one that does all the same is not waited for longer than this. */
const OPERATION_MS = 15_000

export class GroupCommit {
  #queue: Entry[] = []
  #running = false

  constructor(readonly operationMs = OPERATION_MS) {}

  run<T>(store: Store, actor: Actor, operation: (work: Work) => Promise<T>): Promise<Outcome<T>> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ store, actor, operation, resolve: resolve as Entry['resolve'], reject })
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      while (this.#queue.length) await this.#commit()
    } finally {
      this.#running = false
    }
  }

  async #commit(): Promise<void> {
    let transaction: OpenTransaction
    try {
      transaction = await this.#queue[0]!.store.database.begin()
    } catch (error) {
      this.#queue.shift()!.reject(error)
      return
    }
    const since = performance.now()
    const settled: (() => void)[] = []
    const taken: Entry[] = []
    const events: NewEvent[] = []
    const entries: NewEntry[] = []
    let looked = false
    /** What has arrived meanwhile is read first, once: else an operation and its commit would end before the next request is even looked at, and nobody went along. */
    const arrived = async (): Promise<boolean> => {
      if (looked) return false
      looked = true
      await turn()
      return this.#queue.length > 0
    }
    try {
      // Where they stand in the log is known only at the end.
      let logged: LoggedEvent[] = []
      while (taken.length < GROUP_SIZE && performance.now() - since < GROUP_MS && (this.#queue.length || (await arrived()))) {
        const entry = this.#queue.shift()!
        taken.push(entry)
        if (taken.length > 1) await transaction.mark()
        try {
          const { work, result } = await this.#operate(entry, transaction)
          const own = work.events.map((event) => ({ ...event, actorId: event.actorId ?? actorId(entry.actor) ?? undefined }))
          events.push(...own)
          entries.push(...work.entries)
          const from = events.length - own.length
          settled.push(() => {
            const mine = logged.slice(from, from + own.length)
            entry.resolve({ result, position: mine.at(-1)?.position ?? null, signals: work.signals, events: mine, entries: work.entries })
          })
        } catch (error) {
          if (error instanceof OperationLate) throw error
          settled.push(() => entry.reject(error))
          // The first has no mark to go back to; and where the database itself has ended the transaction there is none either.
          if (taken.length === 1) {
            await transaction.rollback()
            for (const settle of settled) settle()
            return
          }
          await transaction.undo()
        }
      }
      const [{ store }] = taken as [Entry]
      if (events.length || entries.length) {
        const work = workIn(store, transaction, taken[0]!.actor)
        work.events.push(...events)
        work.entries.push(...entries)
        await originsWrite(work)
        logged = await appendEvents(work, null)
      }
      await transaction.commit()
      for (const settle of settled) settle()
    } catch (error) {
      await transaction.rollback().catch(() => {})
      // Whoever was late is the last that was taken; the others have their turn again.
      const [late, others] = error instanceof OperationLate ? [taken.slice(-1), taken.slice(0, -1)] : [taken, []]
      for (const entry of late) entry.reject(error)
      this.#queue.unshift(...others)
    }
  }

  async #operate(entry: Entry, transaction: OpenTransaction): Promise<{ work: Work; result: unknown }> {
    let open = true
    const within = <T>(act: () => Promise<T>): Promise<T> => (open ? act() : Promise.reject(new Error('The transaction has ended.')))
    const work = workIn(
      entry.store,
      {
        rows: (sql) => within(() => transaction.rows(sql)),
        execute: (sql) => within(() => transaction.execute(sql)),
        get db() {
          return transaction.db
        },
      },
      entry.actor,
    )
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new OperationLate(this.operationMs)), this.operationMs)
    })
    try {
      const result = await Promise.race([entry.operation(work), late])
      tellOfCall(work, entry.actor)
      return { work, result }
    } finally {
      open = false
      clearTimeout(timer)
    }
  }
}

class OperationLate extends Error {
  constructor(ms: number) {
    super(`An operation did not end within ${ms / 1000} s; nothing of it was kept.`)
  }
}
