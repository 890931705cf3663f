/** The database together with its log and its signals: what rooms are opened on. */
import { type Clock, systemClock } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import type { Database } from '../db/database.ts'
import { openNotifier } from '../db/notify.ts'
import { GroupCommit } from './group-commit.ts'
import { ensureLog } from './log.ts'
import { LocalSignals, PostgresSignals, SIGNAL_CHANNEL, type Signals } from './signals.ts'
import { EventTail, type TailSizes } from './tail.ts'
import { Trail } from './trail.ts'

export interface Store {
  readonly database: Database
  /** The log's identity: part of every cursor. */
  readonly logId: string
  readonly clock: Clock
  readonly signals: Signals
  readonly tail: EventTail
  readonly trail: Trail
  /** Where the database has a single writer: who shares its commits. */
  readonly group: GroupCommit | null
  /** Stops listening and closes the database. */
  close(): Promise<void>
}

export interface StoreOptions {
  warn: (error: unknown) => void
  clock?: Clock
  /** How much of the log is held in memory. */
  tail?: TailSizes
  /** Whether there is a trail of calls; left out: yes. */
  trail?: boolean
}

export async function openStore(database: Database, options: StoreOptions): Promise<Store> {
  await ensureLog(database)
  const signals = database.dialect === 'postgresql' ? await postgresSignals(database.url, options.warn) : new LocalSignals(options.warn)
  const tail = new EventTail(database, signals, options.warn, options.tail)
  await tail.start()
  return {
    database,
    get logId() {
      return tail.logId
    },
    clock: options.clock ?? systemClock,
    signals,
    tail,
    trail: new Trail(options.trail ?? true),
    group: database.dialect === 'sqlite' ? new GroupCommit() : null,
    close: async () => {
      await tail.close()
      await signals.close()
      await database.close()
    },
  }
}

async function postgresSignals(url: string, warn: (error: unknown) => void): Promise<Signals> {
  const signals = new PostgresSignals(newId(), warn)
  signals.attach(
    await openNotifier(url, { channels: [SIGNAL_CHANNEL], onNotify: (_channel, payload) => signals.heard(payload), onGap: () => signals.gap(), warn }),
  )
  return signals
}
