/** The queues people use today, each as fast as its settings make it, in a process of its own and on the Node that it wants. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasPostgres, scratchDatabase } from '../../test/kit/databases.ts'
import type { Child } from './child.ts'
import { startPeer } from './peers.ts'
import type { Order } from './queue-measures.ts'

type Measure = Order['do']

export interface Contestant {
  name: string
  /** What it does its best at, with these settings. */
  measures: readonly Measure[]
  /** Null where there is nothing to run it on. */
  open(): Promise<Opened | null>
}

export interface Opened {
  child: Child
  close(): Promise<void>
}

const REDIS_URL = process.env.BENCH_REDIS_URL ?? 'redis://127.0.0.1:6379'

const start = (file: string, url: string, settings: object) => startPeer(file, { DATABASE_URL: url, QUEUE_SETTINGS: JSON.stringify(settings) }, 'queue')

const onPostgres = (file: string, settings: object) => async (): Promise<Opened | null> => {
  if (!hasPostgres) return null
  const scratch = await scratchDatabase('postgresql', { empty: true })
  const child = await start(file, scratch.url, settings)
  return {
    child,
    close: async () => {
      await child.stop()
      await scratch.drop()
    },
  }
}

async function onRedis(settings: object): Promise<Opened | null> {
  const { hostname, port } = new URL(REDIS_URL)
  if (!(await answers(hostname, Number(port || 6379)))) return null
  const child = await start('bullmq.mjs', REDIS_URL, settings)
  return { child, close: () => child.stop() }
}

/** On a Redis of one's own that has written to disk what it acknowledges, as a database has. */
async function onSyncedRedis(settings: object): Promise<Opened | null> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-redis-'))
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
  const redis = spawn('redis-server', options, { stdio: 'ignore' })
  process.on('exit', () => redis.kill('SIGKILL'))
  while (!(await answers('127.0.0.1', port))) await sleep(50)
  const child = await start('bullmq.mjs', `redis://127.0.0.1:${port}`, settings)
  return {
    child,
    close: async () => {
      await child.stop()
      redis.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const answers = (host: string, port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (answer: boolean) => () => {
      socket.destroy()
      resolve(answer)
    }
    socket.on('connect', end(true)).on('error', end(false)).on('timeout', end(false))
  })

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

const ALL = ['drain', 'enqueue', 'start'] as const

export const PG_BOSS = 'pg-boss'
export const PEERS: readonly Contestant[] = [
  // As many jobs in hand as Holdfast has, each settled by itself.
  { name: PG_BOSS, measures: ALL, open: onPostgres('pg-boss.mjs', { batchSize: 50, workers: 2 }) },
  { name: 'pg-boss, 4,000 in hand', measures: ['drain'], open: onPostgres('pg-boss.mjs', { batchSize: 1000, workers: 4 }) },
  { name: 'graphile-worker', measures: ALL, open: onPostgres('graphile-worker.mjs', { jobs: 10, connections: 20 }) },
  {
    name: 'graphile-worker, local queue',
    measures: ['drain', 'start'],
    open: onPostgres('graphile-worker.mjs', { jobs: 24, startJobs: 24, connections: 25, localQueue: 500, batchDelayMs: 5 }),
  },
  { name: 'BullMQ on PostgreSQL', measures: ALL, open: onPostgres('bullmq.mjs', { concurrency: 32 }) },
  { name: 'BullMQ on Redis', measures: ALL, open: () => onRedis({ concurrency: 100 }) },
  { name: 'BullMQ on Redis, synced', measures: ALL, open: () => onSyncedRedis({ concurrency: 100 }) },
]
