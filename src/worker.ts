/** The same program as a worker only: over the database where that is PostgreSQL, else over the API of a server. */
import { hostname } from 'node:os'
import type { Config } from './config.ts'
import { dialectOf } from './db/database.ts'
import { loadAhead } from './server/load-ahead.ts'
import { createLog, openApp } from './server/open.ts'
import { configOrEnd, endOnErrors, fail, stopOnSignals } from './server/process.ts'
import { openTaskTypes } from './server/task-types.ts'
import type { TaskTypes } from './tasks/task-type.ts'
import { Api } from './worker/api.ts'
import { ApiWorker } from './worker/api-worker.ts'

const config = configOrEnd()
const log = createLog(config)
endOnErrors(log)
if (config.TASK_CONCURRENCY === 0) fail(new Error('TASK_CONCURRENCY is 0: this worker would work on nothing.'))
await (dialectOf(config.DATABASE_URL) === 'postgresql' ? overDatabase(config) : overApi(config)).catch(fail)

async function overDatabase({ WORKER_TYPES: only, TASK_CONCURRENCY: concurrency }: Config): Promise<void> {
  const app = await openApp(config, { log, ...(only.length && { only }) })
  stopOnSignals(log, () => app.close())
  namesOf(app.taskTypes)
  log.info({ types: app.runner.names, concurrency }, 'Holdfast works, over the database.')
  loadAhead(app)
}

async function overApi({ HOLDFAST_URL: url, HOLDFAST_API_KEY: key, TASK_CONCURRENCY: concurrency }: Config): Promise<void> {
  if (!url || !key)
    throw new Error(
      'A SQLite file belongs to one process. Set HOLDFAST_URL and HOLDFAST_API_KEY to work over the API of its server, or DATABASE_URL to a PostgreSQL database.',
    )
  const { taskTypes, providers } = openTaskTypes(config, log)
  const names = withoutDatabase(taskTypes)
  const worker = new ApiWorker(new Api(url, key, log), taskTypes, { names, worker: `${hostname()}:${process.pid}`, concurrency, log })
  const stop = async () => {
    await worker.stop()
    await providers.close()
  }
  stopOnSignals(log, stop)
  log.info({ url, types: names, concurrency }, 'Holdfast works, over the API.')
  await worker.run().catch(async (error) => {
    await stop()
    throw error
  })
}

/** The types that can be worked on over the API. Whoever names another is told; whoever names none gets all of these. */
function withoutDatabase(types: TaskTypes): readonly string[] {
  const names = namesOf(types)
  const needing = names.filter((name) => types.get(name)!.needsDatabase)
  if (needing.length && config.WORKER_TYPES.length)
    throw new Error(`Tasks of type ${needing.join(', ')} write more than their result: their worker needs the database.`)
  return names.filter((name) => !needing.includes(name))
}

/** The types to work on. */
function namesOf(types: TaskTypes): readonly string[] {
  const unknown = config.WORKER_TYPES.filter((name) => !types.get(name))
  if (unknown.length) throw new Error(`WORKER_TYPES names what this program cannot run: ${unknown.join(', ')}. It can run ${types.names.join(', ')}.`)
  return config.WORKER_TYPES.length ? config.WORKER_TYPES : types.names
}
