/** Puts a server's parts together, and takes them apart again in the right order. */

import { hostname } from 'node:os'
import path from 'node:path'
import { type Logger, pino } from 'pino'
import type { Config } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { eventsExpire } from '../events/retention.ts'
import { openStore } from '../events/store.ts'
import type { App } from '../graphql/context.ts'
import { installationBind } from '../identity/installation-bind.ts'
import { createPasswordHasher } from '../identity/password-hash.ts'
import { sessionsExpire } from '../identity/sessions-expire.ts'
import { createProviders } from '../providers/providers.ts'
import { openSecrets } from '../secrets.ts'
import { ChunkCommitter } from '../streams/chunk-committer.ts'
import { StreamHub } from '../streams/stream-hub.ts'
import { TaskRunner } from '../tasks/task-runner.ts'
import { TaskTypes } from '../tasks/task-type.ts'
import { httpRequest } from '../tasks/types/http-request.ts'
import { textGenerate } from '../tasks/types/text-generate.ts'
import { createRateLimits } from './rate-limits.ts'

const HOUSEKEEPING_EVERY_MS = 10 * 60_000

export interface OpenApp extends App {
  readonly runner: TaskRunner
  /** Ends what runs so that it is taken up again, then closes everything. */
  close(): Promise<void>
}

export interface OpenOptions {
  log?: Logger
  /** More task types, before the workers start. */
  extend?: (types: TaskTypes) => void
}

/** Structured lines on standard output. What could be a secret is taken out wherever it stands. */
export const createLog = (config: Config): Logger =>
  pino({
    level: config.LOG_LEVEL,
    redact: {
      paths: [
        'password',
        '*.password',
        'token',
        '*.token',
        'authorization',
        '*.authorization',
        'headers.authorization',
        'secret',
        '*.secret',
        'apiKey',
        '*.apiKey',
      ],
      censor: '[secret]',
    },
  })

export async function openApp(config: Config, options: OpenOptions = {}): Promise<OpenApp> {
  const log = options.log ?? createLog(config)
  const warn = (error: unknown) => log.warn({ err: error }, 'Something went wrong that is being mended.')
  const secrets = openSecrets({ given: config.HOLDFAST_SECRET, folder: config.DATA_DIR })
  const applied = await migrate(config.DATABASE_URL)
  if (applied.length) log.info({ migrations: applied }, 'The database was brought up to date.')
  const database = await openDatabase({ url: config.DATABASE_URL, synchronous: config.SQLITE_SYNCHRONOUS, poolSize: config.POSTGRES_POOL, warn })
  try {
    await installationBind(database, secrets)
  } catch (error) {
    await database.close()
    throw error
  }
  const store = await openStore(database, { warn })
  const providers = createProviders({ openai: config.OPENAI, localModel: config.LOCAL_MODEL, modelFolder: path.join(config.DATA_DIR, 'models'), log })
  const taskTypes = new TaskTypes()
  taskTypes.register(textGenerate(providers))
  taskTypes.register(httpRequest(config.HTTP_REQUEST_ALLOWED_HOSTS))
  options.extend?.(taskTypes)
  const chunks = new ChunkCommitter(store)
  const runner = new TaskRunner(store, taskTypes, chunks, { worker: `${hostname()}:${process.pid}`, concurrency: config.TASK_CONCURRENCY, log })
  const streams = new StreamHub(store, warn)
  await database.analyze()
  const housekeeping = setInterval(() => {
    Promise.all([eventsExpire(store, config.EVENT_RETENTION_DAYS), sessionsExpire(store), database.analyze()]).catch(warn)
  }, HOUSEKEEPING_EVERY_MS)
  housekeeping.unref()
  runner.start()
  return {
    config,
    log,
    store,
    secrets,
    providers,
    taskTypes,
    runner,
    streams,
    chunks,
    passwords: createPasswordHasher({
      memoryKib: config.ARGON2_MEMORY_KIB,
      timeCost: config.ARGON2_TIME_COST,
      parallelism: config.ARGON2_PARALLELISM,
      concurrency: config.ARGON2_CONCURRENCY,
    }),
    limits: createRateLimits(config),
    close: async () => {
      clearInterval(housekeeping)
      await runner.stop()
      await providers.close()
      streams.close()
      await store.close()
    },
  }
}
