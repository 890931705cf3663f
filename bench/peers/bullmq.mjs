/** BullMQ, on Redis or on PostgreSQL as the URL says. */
import { createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'
import { serve } from '../kit/queue-measures.ts'

const settings = { concurrency: 100, connections: 10, ...JSON.parse(process.env.QUEUE_SETTINGS ?? '{}') }
const url = process.env.DATABASE_URL
const onPostgres = url.startsWith('postgres')
const NAME = `holdfast-bench-${process.pid}`
const about = {}

async function postgres() {
  const own = new pg.Pool({ connectionString: url, max: 1 })
  const client = await own.connect()
  await runMigrations(client)
  client.release()
  return {
    backend: [createPostgresBackend],
    connection: () => ({ connectionString: url, max: settings.connections }),
    analyze: () => own.query('ANALYZE bullmq.job'),
    end: () => own.end(),
  }
}

async function redis() {
  const own = new Redis(url)
  const setting = async (name) => (await own.config('GET', name))[1]
  about.durability = (await setting('appendonly')) === 'yes' ? `appendfsync ${await setting('appendfsync')}` : `in memory (save "${await setting('save')}")`
  await own.quit()
  // A worker waits without end for what its connection cannot do now.
  const connection = () => new Redis(url, { maxRetriesPerRequest: null })
  return { backend: [], connection, analyze: async () => {}, end: async () => {} }
}

const store = await (onPostgres ? postgres() : redis())
const queue = new Queue(NAME, { connection: store.connection() }, ...store.backend)
await queue.waitUntilReady()
process.once('SIGTERM', async () => {
  await queue.obliterate({ force: true }).catch(console.error)
  process.exit()
})

const job = (n) => ({ name: 'noop', data: { n }, opts: { priority: 1 + (n % 10), attempts: 4, backoff: { type: 'exponential', delay: 1000 } } })

serve(
  {
    clear: async () => {
      await queue.obliterate({ force: true })
    },
    fill: async (jobs) => {
      for (let from = 0; from < jobs; from += 1000) await queue.addBulk(Array.from({ length: Math.min(1000, jobs - from) }, (_, i) => job(from + i)))
      await store.analyze()
    },
    create: (n) => queue.add('noop', { n }, job(n).opts),
    worker: async (purpose, begun) => {
      const options = { connection: store.connection(), autorun: false, concurrency: purpose === 'drain' ? settings.concurrency : 1 }
      const worker = new Worker(NAME, async ({ data }) => begun(data.n), options, ...store.backend)
      worker.on('error', console.error)
      await worker.waitUntilReady()
      return {
        start: () => void worker.run(),
        stop: () => worker.close(),
      }
    },
    unfinished: async () => {
      const { waiting, prioritized, active, delayed, failed } = await queue.getJobCounts()
      return waiting + prioritized + active + delayed + failed
    },
  },
  about,
)
