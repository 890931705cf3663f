/** How long the database takes, and how long it is waited for. */
import { counter, timer } from '../core/figures.ts'
import type { Database, OpenTransaction } from './database.ts'

const reads = timer({ name: 'holdfast_database_read_seconds', help: 'Reads outside transactions, but for those through Prisma.', labels: ['database'] })
const waits = timer({
  name: 'holdfast_database_wait_seconds',
  help: 'What a transaction waited before it began: for the only writer on SQLite, for a connection of the pool on PostgreSQL.',
  labels: ['database'],
})
const transactions = timer({
  name: 'holdfast_database_transaction_seconds',
  help: 'Transactions, from their beginning to the end of the commit or the rollback. On SQLite many operations share one.',
  labels: ['database', 'outcome'],
})
const operations = counter({ name: 'holdfast_database_operations', help: 'Operations that were run in transactions.', labels: ['database'] })
const retries = counter({ name: 'holdfast_database_retries', help: 'Operations run again after a serialization failure, a deadlock or a busy lock.' })
const busy = counter({ name: 'holdfast_database_busy', help: 'SQLite: how often another process was found to hold the file, and waited for.' })

export const retried = () => retries.of().add()
export const foundBusy = () => busy.of().add()

/** The same database, timed. */
export function timed(database: Database): Database {
  const { dialect } = database
  const [read, wait, operation] = [reads.of(dialect), waits.of(dialect), operations.of(dialect)]
  const [committed, undone] = [transactions.of(dialect, 'commit'), transactions.of(dialect, 'rollback')]
  const { rows, begin } = database
  return Object.assign(database, {
    rows: (async (sql) => {
      const at = performance.now()
      try {
        return await rows(sql)
      } finally {
        read.putMs(performance.now() - at)
      }
    }) as Database['rows'],
    begin: async () => {
      const askedAt = performance.now()
      const transaction = await begin()
      const at = performance.now()
      wait.putMs(at - askedAt)
      operation.add()
      let open = true
      const ending = async (end: () => Promise<void>, times: typeof committed) => {
        try {
          await end()
        } finally {
          if (open) times.putMs(performance.now() - at)
          open = false
        }
      }
      const { commit, rollback, mark } = transaction
      return Object.assign(transaction, {
        commit: () => ending(commit, committed),
        rollback: () => ending(rollback, undone),
        mark: () => {
          operation.add()
          return mark()
        },
      } satisfies Partial<OpenTransaction>)
    },
  })
}
