/**
 * Holdfast as a contestant of `queue.ts`: a server's own parts in one process, without HTTP, as the peers are. Its tasks are
 * made by the operation behind `taskCreate`, for a user, each with its event; each measure has a new database.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { readConfig } from '../src/config.ts'
import type { Actor } from '../src/core/actor.ts'
import { newId } from '../src/core/ids.ts'
import type { Dialect } from '../src/db/database.ts'
import { Prisma } from '../src/generated/sqlite/client.ts'
import { type OpenApp, openApp } from '../src/server/open.ts'
import { type ScratchDatabase, scratchDatabase } from '../test/kit/databases.ts'
import { serve } from './kit/queue-measures.ts'

const dialect = process.env.QUEUE_DIALECT as Dialect
const settings: { concurrency: number } = { concurrency: 100, ...JSON.parse(process.env.QUEUE_SETTINGS ?? '{}') }
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
const scratches: ScratchDatabase[] = []
const FILLERS = 100

let app: OpenApp
let actor: Actor
let begun: (job: number) => void = () => {}

/** What is behind a user's `taskCreate`. */
const create = (job: number): Promise<unknown> => app.creator.create(actor, { type: 'bench.noop', params: { n: job }, priority: job % 10, maxAttempts: 4 })

/** Lets a server that does not work begin to. */
function beginWork(): void {
  app.runner.options.concurrency = settings.concurrency
  void app.runner.claim()
}

async function openNew(): Promise<void> {
  if (app) await app.close()
  // All are dropped at the end: a drop makes PostgreSQL write a checkpoint.
  const scratch = await scratchDatabase(dialect)
  scratches.push(scratch)
  const env = { DATABASE_URL: scratch.url, DATA_DIR: folder, TASK_CONCURRENCY: '0', LOCAL_MODEL: 'off', LOG_LEVEL: 'warn', SQLITE_SYNCHRONOUS: 'FULL' }
  app = await openApp(readConfig(env), {
    extend: (types) =>
      types.register({
        name: 'bench.noop',
        description: 'Nothing.',
        params: z.object({ n: z.number() }),
        run: async ({ params }) => {
          begun(params.n)
          return {}
        },
      }),
  })
  const userId = newId()
  const now = BigInt(Date.now())
  await app.store.database.client.user.create({
    data: { id: userId, email: 'user@example.com', displayName: 'user', preferences: {}, createdAtMs: now, updatedAtMs: now },
  })
  actor = { kind: 'session', sessionId: newId(), expiresAtMs: Date.now() + 3_600_000, userId, role: 'USER' }
}

await openNew()
serve({
  clear: openNew,
  fill: async (jobs) => {
    let next = 0
    await Promise.all(
      Array.from({ length: FILLERS }, async () => {
        while (next < jobs) await create(next++)
      }),
    )
    await app.store.database.client.$executeRaw`ANALYZE`
  },
  create,
  worker: async (_purpose, heard) => {
    begun = heard
    return { start: beginWork, stop: async () => {} }
  },
  unfinished: async () => {
    const [row] = await app.store.database.rows<{ count: number }>(
      Prisma.sql`SELECT COUNT(*) AS "count" FROM "Task" WHERE "status" IN ('CREATED', 'QUEUED', 'RUNNING')`,
    )
    return row!.count
  },
})

process.once('SIGTERM', async () => {
  await app.close()
  for (const scratch of scratches) await scratch.drop()
  rmSync(folder, { recursive: true, force: true })
  process.exit()
})
