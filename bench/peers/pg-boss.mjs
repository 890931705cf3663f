/** pg-boss: `batchSize` jobs a fetch, `workers` of them side by side, woken by NOTIFY where that is faster. */
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { serve } from '../kit/queue-measures.ts'

const settings = { connections: 10, batchSize: 1, workers: 1, ...JSON.parse(process.env.QUEUE_SETTINGS ?? '{}') }
const connectionString = process.env.DATABASE_URL
const boss = new PgBoss({ connectionString, max: settings.connections, schedule: false, useListenNotify: true })
boss.on('error', console.error)
await boss.start()
const own = new pg.Pool({ connectionString, max: 1 })

// It notifies only where a queue asks for it, which costs the makers something: one queue for each purpose.
const QUEUES = { drain: 'noop', start: 'noop-notifying' }
const retries = { retryLimit: 3, retryDelay: 1, retryBackoff: true, expireInSeconds: 60 }
await boss.createQueue(QUEUES.drain, retries)
await boss.createQueue(QUEUES.start, { ...retries, notify: true })
let queue = QUEUES.drain

const job = (n) => ({ data: { n }, priority: n % 10 })

serve({
  clear: async () => {
    queue = QUEUES.drain
    await own.query('TRUNCATE pgboss.job CASCADE')
  },
  fill: async (jobs) => {
    await boss.insert(
      queue,
      Array.from({ length: jobs }, (_, n) => job(n)),
    )
    await own.query('ANALYZE pgboss.job')
  },
  create: (n) => boss.send(queue, { n }, { priority: n % 10 }),
  worker: async (purpose, begun) => {
    queue = QUEUES[purpose]
    const perJob = Boolean(settings.perJobResults)
    const work = async (jobs) => {
      for (const { data } of jobs) begun(data.n)
      if (perJob) return jobs.map(({ id }) => ({ id, status: 'completed' }))
    }
    const options =
      purpose === 'drain'
        ? { batchSize: settings.batchSize, localConcurrency: settings.workers, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true, perJobResults: perJob }
        : { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 }
    return {
      start: () => boss.work(queue, options, work),
      stop: () => boss.offWork(queue),
    }
  },
  unfinished: async () => Number((await own.query(`SELECT count(*) FROM pgboss.job WHERE state < 'completed'`)).rows[0].count),
})
