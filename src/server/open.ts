/** Puts a server's parts together, and takes them apart again in the right order. */

import { hostname } from 'node:os'
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
import { openCatalogue } from '../providers/catalogue.ts'
import { environmentWrite } from '../providers/environment-write.ts'
import { ModelLister } from '../providers/model-lister.ts'
import { Scheduler } from '../schedules/scheduler.ts'
import { ticksExpire } from '../schedules/ticks-expire.ts'
import { openSecrets } from '../secrets.ts'
import { ChunkCommitter } from '../streams/chunk-committer.ts'
import { StreamHub } from '../streams/stream-hub.ts'
import { streamsCompact } from '../streams/streams-compact.ts'
import { streamsExpire } from '../streams/streams-expire.ts'
import { readyWatch } from '../tasks/ready-watch.ts'
import { tallyKeep } from '../tasks/tally-keep.ts'
import { TaskCreator } from '../tasks/task-creator.ts'
import { TaskRunner } from '../tasks/task-runner.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { tasksAge } from '../tasks/tasks-age.ts'
import type { Meter } from '../usage/meter.ts'
import { usageKeep } from '../usage/usage-keep.ts'
import { exactOf } from '../vectors/vectors-nearest.ts'
import { vectorsSweep } from '../vectors/vectors-sweep.ts'
import { createRateLimits } from './rate-limits.ts'
import { openTaskTypes } from './task-types.ts'

const HOUSEKEEPING_EVERY_MS = 10 * 60_000

export interface OpenApp extends App {
  readonly runner: TaskRunner
  readonly meter: Meter
  /** Ends what runs so that it is taken up again, then closes everything. */
  close(): Promise<void>
}

export interface OpenOptions {
  log?: Logger
  /** More task types, before the workers start. */
  extend?: (types: TaskTypes) => void
  /** The only task types that are worked on here; left out: all. */
  only?: readonly string[]
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
  const { taskTypes, providers, tools, embedders, meter } = openTaskTypes(config, log, { store, secrets, catalogue: openCatalogue(store, secrets, warn) })
  await environmentWrite(store, providers.environment, {
    syncEveryMinutes: config.PROVIDER_SYNC_MINUTES,
    local: providers.local,
    warn: (facts, message) => log.warn(facts, message),
  })
  const lister = new ModelLister(store, providers, log)
  options.extend?.(taskTypes)
  const chunks = new ChunkCommitter(store)
  const runner = new TaskRunner(store, taskTypes, chunks, {
    worker: `${hostname()}:${process.pid}`,
    concurrency: config.TASK_CONCURRENCY,
    log,
    ...(options.only && { only: options.only }),
  })
  const creator = new TaskCreator(store, taskTypes, runner)
  const scheduler = new Scheduler(store, taskTypes, log)
  const streams = new StreamHub(store, warn)
  await database.analyze()
  const closing = new AbortController()
  const age = { archiveAfterDays: config.TASK_ARCHIVE_AFTER_DAYS, deleteAfterDays: config.TASK_DELETE_AFTER_DAYS, signal: closing.signal }
  const { signal } = closing
  const streamsAge = async () => {
    await streamsExpire(store, { retentionDays: config.STREAM_RETENTION_DAYS, signal })
    await streamsCompact(store, { afterMinutes: config.STREAM_COMPACT_AFTER_MINUTES, signal })
  }
  const housekeeping = setInterval(() => {
    Promise.all([
      eventsExpire(store, config.EVENT_RETENTION_DAYS),
      sessionsExpire(store),
      ticksExpire(store),
      tasksAge(store, age),
      streamsAge(),
      vectorsSweep(store, signal),
      database.analyze(),
    ]).catch(warn)
  }, HOUSEKEEPING_EVERY_MS)
  housekeeping.unref()
  const tallies = tallyKeep(store, warn)
  const usage = usageKeep(store, warn)
  runner.start()
  scheduler.start()
  lister.start()
  return {
    config,
    log,
    store,
    secrets,
    providers,
    tools,
    embedders,
    taskTypes,
    creator,
    meter: meter!,
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
      closing.abort()
      await scheduler.stop()
      await lister.stop()
      readyWatch(store).stop()
      await runner.stop()
      await tallies.stop()
      await usage.stop()
      await providers.close()
      await embedders.local.close()
      await exactOf(store).close()
      streams.close()
      await store.close()
    },
  }
}
