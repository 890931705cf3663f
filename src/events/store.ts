/** The database together with its log and its signals: what rooms are opened on. */
import { type Clock, systemClock } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import type { Database } from '../db/database.ts'
import { openNotifier } from '../db/notify.ts'
import { ensureLog } from './log.ts'
import { LocalSignals, PostgresSignals, SIGNAL_CHANNEL, type Signals } from './signals.ts'
import { EventTail } from './tail.ts'

export interface Store {
  readonly database: Database
  /** The log's identity: part of every cursor. */
  readonly logId: string
  readonly clock: Clock
  readonly signals: Signals
  readonly tail: EventTail
  /** Stops listening and closes the database. */
  close(): Promise<void>
}

export async function openStore(database: Database, options: { warn: (error: unknown) => void; clock?: Clock }): Promise<Store> {
  const { logId } = await ensureLog(database)
  const signals = database.dialect === 'postgresql' ? await postgresSignals(database.url, options.warn) : new LocalSignals()
  const tail = new EventTail(database, signals, options.warn)
  await tail.start()
  return {
    database,
    logId,
    clock: options.clock ?? systemClock,
    signals,
    tail,
    close: async () => {
      tail.close()
      await signals.close()
      await database.close()
    },
  }
}

async function postgresSignals(url: string, warn: (error: unknown) => void): Promise<Signals> {
  const signals = new PostgresSignals(newId())
  signals.attach(
    await openNotifier(url, { channels: [SIGNAL_CHANNEL], onNotify: (_channel, payload) => signals.heard(payload), onGap: () => signals.gap(), warn }),
  )
  return signals
}
