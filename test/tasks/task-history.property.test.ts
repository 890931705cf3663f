/** The promise of the engine, tried in random histories: whatever happens to tasks at the same time, the table is what the log says, and nothing is stuck. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { newId } from '../../src/core/ids.ts'
import { openDatabase } from '../../src/db/database.ts'
import { invariantsCheck } from '../../src/events/invariants.ts'
import { readEvents, readHead } from '../../src/events/log.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import type { Lease } from '../../src/tasks/task.ts'
import { TaskNotLeased } from '../../src/tasks/task-errors.ts'
import { TaskTypes } from '../../src/tasks/task-type.ts'
import { tasksCancelWaiting } from '../../src/tasks/tasks-ended.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { check, checkDrained, type Found, type Row } from './history/check.ts'
// The rooms' files register what must hold in them.
import '../../src/graphql/schema.ts'
import { type Operations, operations, Play } from './history/play.ts'
import { type History, histories } from './history/steps.ts'

const HISTORIES = Number(process.env.HISTORIES ?? 200)

const types = new TaskTypes()
for (const name of ['test.a', 'test.b'])
  types.register({ name, description: 'Is only written down.', params: z.object({ number: z.number().optional() }), run: async () => ({}) })

describe.each(dialects())('tasks on %s', (dialect) => {
  let scratch: ScratchDatabase
  let store: Store

  beforeEach(async () => {
    scratch = await scratchDatabase(dialect)
    // What is tried is the order of things, which does not wait for the disk.
    const url = dialect === 'postgresql' ? `${scratch.url}?options=-c%20synchronous_commit%3Doff` : scratch.url
    store = await openStore(await openDatabase({ url, synchronous: 'NORMAL' }), {
      warn: (error) => {
        throw error
      },
    })
  })
  afterEach(async () => {
    await store.close()
    await scratch.drop()
  })

  async function newOwner(): Promise<string> {
    const id = newId()
    await store.database.client.user.create({ data: { id, email: `${id}@example.com`, displayName: 'ada', preferences: {}, createdAtMs: 1n, updatedAtMs: 1n } })
    return id
  }

  async function found(ownerId: string, since: number): Promise<Found> {
    const { database } = store
    const mine = Prisma.sql`SELECT "id" FROM "Task" WHERE "ownerId" = ${ownerId}`
    return {
      events: await readEvents(database, since, { ownerId }, 100_000),
      tasks: await database.rows<Row>(Prisma.sql`SELECT * FROM "Task" WHERE "ownerId" = ${ownerId}`),
      edges: await database.rows(Prisma.sql`SELECT "taskId", "dependsOnId", "isPending", "onFailure" FROM "TaskDependency" WHERE "taskId" IN (${mine})`),
      attempts: await database.rows(Prisma.sql`SELECT "taskId", "attempt", "outcome" FROM "TaskAttempt" WHERE "taskId" IN (${mine})`),
    }
  }

  async function tried(history: History, op: Operations = operations): Promise<void> {
    const ownerId = await newOwner()
    const { position } = await readHead(store.database)
    const play = new Play(store, types, ownerId, history, op)
    await play.run()
    check(await found(ownerId, position), play.told)
    await play.drain()
    const end = await found(ownerId, position)
    check(end, play.told)
    checkDrained(end)
    const broken = (await invariantsCheck(store.database)).filter(({ count }) => count > 0)
    if (broken.length) throw new Error(`What must never be: ${broken.map(({ name }) => name).join()}`)
  }

  test(`are in the table what the log says, and none is stuck, in ${HISTORIES} histories of several workers and users`, {
    timeout: 60_000 + HISTORIES * 1000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(histories, (history) => tried(history)),
      { numRuns: HISTORIES, endOnFailure: true },
    )
  })

  /** What the same property says of operations of which one is broken. */
  async function fault(broken: Partial<Operations>): Promise<string> {
    const property = fc.asyncProperty(histories, (history) => tried(history, { ...operations, ...broken }))
    const outcome = await fc.check(property, { numRuns: 1000, endOnFailure: true })
    return outcome.failed ? String((outcome.errorInstance as Error).message).split('\n')[0]! : 'nothing'
  }

  describe('with an operation that is broken are not, and that is found:', { timeout: 300_000 }, () => {
    test('one that lets whoever lost the lease complete the task', async () => {
      const taskComplete: Operations['taskComplete'] = async (work, lease, outcome) => {
        const [held] = await work.rows<Lease>(Prisma.sql`SELECT "id", "leaseToken" FROM "Task" WHERE "id" = ${lease.id} AND "status" = 'RUNNING'`)
        if (!held) throw new TaskNotLeased()
        await operations.taskComplete(work, held, outcome)
      }
      expect(await fault({ taskComplete })).toBe('What workers were told is not what is in the log')
    })

    test('one that ends a task and tells nobody who waits for it', async () => {
      const taskCancel: Operations['taskCancel'] = async (work, id) => {
        await tasksCancelWaiting(work, Prisma.sql`"id" = ${id}`, () => null)
        return 'CANCELLED'
      }
      // Which of what comes of it is met first depends on the history.
      expect(await fault({ taskCancel })).toMatch(
        /^A task waits for (one that has ended|\d+, and has \d+ it waits for)$|^(A task goes on though what it depends on|A child goes on though its parent) did not end well$|^A task is stuck for ever$|^What must never be: TASK_/,
      )
    })

    test('one that changes a task and does not say so', async () => {
      const taskHeartbeat: Operations['taskHeartbeat'] = async (work, lease, report) => {
        const heartbeat = await operations.taskHeartbeat(work, lease, report)
        work.events.length = 0
        return heartbeat
      }
      expect(await fault({ taskHeartbeat })).toMatch(/^The log says that \w+ is .*, and it is |^TASK_\w+ says that \w+ was /)
    })

    test('one that lets more of a key run than may', async () => {
      const tasksClaim: Operations['tasksClaim'] = async (work, claim) => {
        await work.execute(Prisma.sql`UPDATE "Task" SET "concurrencyLimit" = 100 WHERE "concurrencyKey" IS NOT NULL`)
        return operations.tasksClaim(work, claim)
      }
      expect(await fault({ tasksClaim })).toMatch(/^\d run with a key of which \d may$/)
    })
  })
})
