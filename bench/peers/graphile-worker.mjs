/** graphile-worker: as it comes, or with a local queue and what it completes gathered (`batched`). */
import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker'
import pg from 'pg'
import { serve } from '../kit/queue-measures.ts'

const settings = { jobs: 10, connections: 12, localQueue: 0, batchDelayMs: 0, startJobs: 1, ...JSON.parse(process.env.QUEUE_SETTINGS ?? '{}') }
const connectionString = process.env.DATABASE_URL
const logger = new Logger(() => (level, message) => {
  if (level === 'error') console.error(message)
})
await runMigrations({ connectionString, logger })
const pgPool = new pg.Pool({ connectionString, max: settings.connections })
pgPool.on('error', console.error)
pgPool.on('connect', (client) => client.on('error', console.error))
const own = new pg.Pool({ connectionString, max: 1 })
const utils = await makeWorkerUtils({ pgPool, logger })

/** Lower runs first. */
const about = (n) => ({ priority: n % 10, maxAttempts: 4 })

serve({
  clear: () => own.query('TRUNCATE graphile_worker._private_jobs, graphile_worker._private_job_queues'),
  fill: async (jobs) => {
    await utils.addJobs(Array.from({ length: jobs }, (_, n) => ({ identifier: 'noop', payload: { n }, ...about(n) })))
    await own.query('ANALYZE graphile_worker._private_jobs')
  },
  create: (n) => utils.addJob('noop', { n }, about(n)),
  worker: async (purpose, begun) => {
    const warm = await Promise.all(Array.from({ length: settings.connections }, () => pgPool.connect()))
    for (const client of warm) client.release()
    const batched = settings.localQueue > 0
    const worker = {
      concurrentJobs: purpose === 'drain' ? settings.jobs : settings.startJobs,
      maxPoolSize: settings.connections,
      pollInterval: 100,
      ...(batched && { localQueue: { size: settings.localQueue }, completeJobBatchDelay: settings.batchDelayMs, failJobBatchDelay: settings.batchDelayMs }),
    }
    let runner
    return {
      start: async () => {
        runner = await run({ pgPool, logger, noHandleSignals: true, preset: { worker }, parsedCronItems: [], taskList: { noop: ({ n }) => begun(n) } })
      },
      stop: () => runner.stop(),
    }
  },
  unfinished: async () => Number((await own.query('SELECT count(*) FROM graphile_worker._private_jobs')).rows[0].count),
})
