import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { type Database, type OpenTransaction, openDatabase, type Tx } from '../../src/db/database.ts'
import { invariantsCheck } from '../../src/events/invariants.ts'
import { ensureLog } from '../../src/events/log.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
// The rooms' files register what holds in them.
import '../../src/graphql/schema.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

const [A, B, C] = [newId(), newId(), newId()].sort() as [string, string, string]
const NOW = BigInt(Date.now())
const LATER = NOW + 3_600_000n

/** A database without a server, which would mend what is broken here; what is broken is never committed. */
describe.each(dialects())('what must never be is found on %s:', (dialect) => {
  let scratch: ScratchDatabase
  let database: Database
  const ownerId = newId()
  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    database = await openDatabase({ url: scratch.url })
    await ensureLog(database)
    await database.client.user.create({
      data: { id: ownerId, email: 'ada@example.com', displayName: 'Ada', preferences: {}, createdAtMs: 1n, updatedAtMs: 1n },
    })
  })
  afterAll(async () => {
    await database.close()
    await scratch.drop()
  })

  /** Takes away whatever keeps the database from being broken, to the end of the transaction. */
  async function unguard(transaction: OpenTransaction): Promise<void> {
    if (dialect === 'postgresql') {
      await transaction.execute(Prisma.sql`SET LOCAL session_replication_role = replica`)
      const checks = await transaction.rows<{ table: string; name: string }>(
        Prisma.sql`SELECT "conrelid"::regclass::text AS "table", "conname" AS "name" FROM "pg_constraint" WHERE "contype" = 'c' AND "connamespace" = 'public'::regnamespace`,
      )
      for (const { table, name } of checks) await transaction.execute(Prisma.raw(`ALTER TABLE ${table} DROP CONSTRAINT "${name}"`))
    } else {
      await transaction.execute(Prisma.sql`PRAGMA defer_foreign_keys = ON`)
      const triggers = await transaction.rows<{ name: string }>(Prisma.sql`SELECT "name" FROM "sqlite_master" WHERE "type" = 'trigger'`)
      for (const { name } of triggers) await transaction.execute(Prisma.raw(`DROP TRIGGER "${name}"`))
    }
  }

  /** The invariants that are broken then, each with the id and the detail of what breaks it. */
  async function brokenBy(breaks: (db: Tx) => Promise<unknown>): Promise<Record<string, unknown[]>> {
    const transaction = await database.begin()
    try {
      await unguard(transaction)
      await breaks(transaction.db)
      const checked = await invariantsCheck({ ...database, rows: transaction.rows })
      return Object.fromEntries(
        checked.filter(({ count }) => count > 0).map(({ name, violations }) => [name, violations.map(({ subjectId, detail }) => ({ subjectId, ...detail }))]),
      )
    } finally {
      await transaction.rollback()
    }
  }

  const CREATED = {
    status: 'CREATED',
    type: 'http.request',
    lane: 'http.request',
    params: {},
    agentsInvolved: [],
    runAtMs: NOW,
    createdAtMs: NOW,
    updatedAtMs: NOW,
  } as const
  const QUEUED = { ...CREATED, status: 'QUEUED', queuedAtMs: NOW, readyAtMs: NOW } as const
  const WAITING = { ...QUEUED, readyAtMs: null, waitingFor: 1 } as const
  const LEASE = { worker: 'one', workerKind: 'OUTSIDE', leaseToken: 'secret', leaseSeconds: 30, leaseExpiresAtMs: LATER } as const
  const RUNNING = { ...QUEUED, ...LEASE, status: 'RUNNING', readyAtMs: null, attempt: 1, startedAtMs: NOW } as const
  const ENDED = { ...QUEUED, status: 'COMPLETED', readyAtMs: null, attempt: 1, startedAtMs: NOW, completedAtMs: NOW } as const
  const task = (db: Tx, id: string, values: object) => db.task.create({ data: { id, ownerId, ...values } as never })
  const edge = (db: Tx, taskId: string, dependsOnId: string, isPending = true) =>
    db.taskDependency.create({ data: { taskId, dependsOnId, isPending, onFailure: 'CANCEL', createdAtMs: NOW } })
  const attempt = (db: Tx, taskId: string, number: number) =>
    db.taskAttempt.create({ data: { taskId, attempt: number, outcome: 'FAILED', startedAtMs: NOW, endedAtMs: NOW } })
  const stream = (db: Tx, id: string, values: object) =>
    db.stream.create({ data: { id, ownerId, producer: 'OUTSIDE', status: 'PENDING', createdAtMs: NOW, ...values } as never })
  const chunk = (db: Tx, streamId: string, seq: number) =>
    db.streamChunk.create({ data: { streamId, seq, kind: 'TEXT', content: Buffer.from('x'), createdAtMs: NOW } })

  it('nothing, where nothing is broken', async () => {
    const broken = await brokenBy(async (db) => {
      await task(db, A, RUNNING)
      await task(db, B, { ...WAITING, parentId: A })
      await edge(db, B, A)
      await task(db, C, { ...ENDED, attempt: 2 })
      await attempt(db, C, 1)
      await stream(db, A, { producer: 'TASK', producerTaskId: A, attempt: 1, status: 'STREAMING', lastSeq: 0 })
      await chunk(db, A, 0)
      await stream(db, B, { producer: 'TASK', producerTaskId: B })
      await stream(db, C, { leaseExpiresAtMs: LATER })
    })
    expect(broken).toEqual({})
  })

  describe('of tasks that run', () => {
    it('one whose lease ran out long ago', async () => {
      expect(await brokenBy((db) => task(db, A, { ...RUNNING, leaseExpiresAtMs: 1n }))).toEqual({
        TASK_LEASE_LAPSED: [{ subjectId: A, worker: 'one', attempt: 1, leaseExpiresAtMs: 1 }],
      })
    })

    it('not one whose lease ran out just now, for it is being taken over', async () => {
      expect(await brokenBy((db) => task(db, A, { ...RUNNING, leaseExpiresAtMs: BigInt(Date.now()) - 1000n }))).toEqual({})
    })

    it.each([
      ['without a worker', { worker: null }],
      ['without a lease', { leaseExpiresAtMs: null }],
      ['that can be claimed', { readyAtMs: 5n }],
      ['that waits for another', { waitingFor: 1 }],
      ['in no attempt', { attempt: 0 }],
      ['that never started', { startedAtMs: null }],
    ])('one %s', async (_what, values) => {
      const held = {
        worker: 'one',
        workerKind: 'OUTSIDE',
        leaseExpiresAtMs: Number(LATER),
        attempt: 1,
        startedAtMs: Number(NOW),
        readyAtMs: null,
        waitingFor: 0,
      }
      const told = Object.fromEntries(Object.entries(values).map(([column, value]) => [column, typeof value === 'bigint' ? Number(value) : value]))
      expect(await brokenBy((db) => task(db, A, { ...RUNNING, ...values }))).toEqual({ TASK_RUNS_UNHELD: [{ subjectId: A, ...held, ...told }] })
    })

    it('never the token of a lease', async () => {
      const broken = await brokenBy((db) =>
        task(db, A, { ...RUNNING, workerKind: null, leaseExpiresAtMs: 1n, attemptEndsAtMs: 1n, cancelRequestedAtMs: 1n, attempt: 4 }),
      )
      expect(Object.keys(broken)).toEqual([
        'TASK_ATTEMPTS_EXCEEDED',
        'TASK_ATTEMPTS_MISCOUNTED',
        'TASK_CANCEL_IGNORED',
        'TASK_LEASE_LAPSED',
        'TASK_RUNS_UNHELD',
      ])
      expect(JSON.stringify(broken)).not.toContain(LEASE.leaseToken)
    })

    it('an attempt that goes on long after its time', async () => {
      expect(await brokenBy((db) => task(db, A, { ...RUNNING, attemptEndsAtMs: 1n }))).toEqual({
        TASK_OVERDUE: [{ subjectId: A, worker: 'one', attempt: 1, attemptEndsAtMs: 1 }],
      })
    })

    it('one that goes on long after it was asked to stop', async () => {
      expect(await brokenBy((db) => task(db, A, { ...RUNNING, cancelRequestedAtMs: 1n, attemptEndsAtMs: 1n }))).toEqual({
        TASK_CANCEL_IGNORED: [{ subjectId: A, worker: 'one', attempt: 1, cancelRequestedAtMs: 1 }],
      })
    })

    it('neither of them while their workers have the grace of a long lease', async () => {
      const aMinuteAgo = BigInt(Date.now()) - 60_000n
      const broken = await brokenBy(async (db) => {
        await task(db, A, { ...RUNNING, leaseSeconds: 300, attemptEndsAtMs: aMinuteAgo })
        await task(db, B, { ...RUNNING, leaseSeconds: 300, cancelRequestedAtMs: aMinuteAgo })
      })
      expect(broken).toEqual({})
    })

    it('more of a concurrency key than any of them allows', async () => {
      const key = { ...RUNNING, lane: `http.request@${ownerId}#k`, concurrencyKey: 'k' }
      const two = async (db: Tx) => {
        await task(db, A, { ...key, concurrencyLimit: 1 })
        await task(db, B, { ...key, concurrencyLimit: 2 })
      }
      expect(await brokenBy(two)).toEqual({})
      const broken = await brokenBy(async (db) => {
        await two(db)
        await task(db, C, { ...key, concurrencyLimit: 2 })
      })
      expect(broken).toEqual({ TASK_KEY_OVERFULL: [{ subjectId: 'k', ownerId, running: 3, limit: 2 }] })
    })
  })

  describe('of conversations', () => {
    const FIRST = { ownerId, role: 'USER', status: 'COMPLETED', depth: 0, parts: [], text: '', toolsInvoked: [], createdAtMs: NOW, completedAtMs: NOW } as const
    const ANSWER = { ...FIRST, role: 'ASSISTANT', status: 'PENDING', parentId: A, depth: 1, jumpId: A, jumpDepth: 0, taskId: A, completedAtMs: null } as const
    const message = (db: Tx, id: string, values: object) => db.message.create({ data: { id, ...values } as never })

    it('an answer that nobody writes', async () => {
      const broken = await brokenBy(async (db) => {
        await task(db, A, ENDED)
        await message(db, A, FIRST)
        await message(db, B, ANSWER)
        await message(db, C, { ...ANSWER, status: 'STREAMING', taskId: null })
      })
      expect(Object.keys(broken)).toEqual(['ANSWER_WITHOUT_TASK'])
      expect(
        [...broken.ANSWER_WITHOUT_TASK!].sort((a, b) => ((a as { subjectId: string }).subjectId < (b as { subjectId: string }).subjectId ? -1 : 1)),
      ).toEqual([
        { subjectId: B, status: 'PENDING', taskId: A },
        { subjectId: C, status: 'STREAMING', taskId: null },
      ])
    })

    it('not one that waits for its task', async () => {
      const broken = await brokenBy(async (db) => {
        await task(db, A, QUEUED)
        await message(db, A, FIRST)
        await message(db, B, ANSWER)
      })
      expect(broken).toEqual({})
    })

    it('a message that follows none, or lies elsewhere than it says', async () => {
      const broken = await brokenBy(async (db) => {
        await message(db, A, FIRST)
        await message(db, B, { ...FIRST, parentId: A, depth: 2, jumpId: A, jumpDepth: 0, createdAtMs: NOW - 1n })
        await message(db, C, { ...FIRST, parentId: newId(), depth: 1, jumpId: A, jumpDepth: 0, createdAtMs: NOW - 2n })
      })
      expect(broken).toMatchObject({ MESSAGE_OUT_OF_PLACE: [{ subjectId: B, depth: 2, parentDepth: 0 }, { subjectId: C, depth: 1, parentDepth: null }] }) // biome-ignore format: one look
    })

    it('a conversation whose last message is gone', async () => {
      const values = { id: A, ownerId, settings: {}, headId: B, createdAtMs: NOW, updatedAtMs: NOW }
      expect(await brokenBy((db) => db.conversation.create({ data: values }))).toEqual({ CONVERSATION_HEAD_MISSING: [{ subjectId: A, headId: B }] })
    })
  })

  describe('of tasks that have ended', () => {
    it.each([
      ['with a worker', { worker: 'one' }],
      ['with a lease', { leaseExpiresAtMs: 7n }],
      ['that can be claimed', { readyAtMs: 7n }],
      ['with an attempt to be ended', { attemptEndsAtMs: 7n }],
    ])('one %s', async (_what, values) => {
      const told = Object.fromEntries(Object.entries(values).map(([column, value]) => [column, typeof value === 'bigint' ? Number(value) : value]))
      expect(await brokenBy((db) => task(db, A, { ...ENDED, ...values }))).toEqual({
        TASK_ENDED_AND_HELD: [
          {
            subjectId: A,
            status: 'COMPLETED',
            worker: null,
            leaseExpiresAtMs: null,
            readyAtMs: null,
            attemptEndsAtMs: null,
            completedAtMs: Number(NOW),
            ...told,
          },
        ],
      })
    })

    it('one that is not final', async () => {
      expect(Object.keys(await brokenBy((db) => task(db, A, { ...CREATED, completedAtMs: NOW })))).toEqual(['TASK_ENDED_AND_HELD'])
    })

    it('one with more attempts than it may have', async () => {
      const broken = await brokenBy(async (db) => {
        await task(db, A, { ...ENDED, attempt: 2, maxAttempts: 1 })
        await attempt(db, A, 1)
      })
      expect(broken).toEqual({ TASK_ATTEMPTS_EXCEEDED: [{ subjectId: A, status: 'COMPLETED', attempt: 2, maxAttempts: 1 }] })
    })

    it.each([
      ['an attempt that was not kept', 'COMPLETED', [], { keptBefore: 0, keptSame: 0, keptAfter: 0 }],
      ['an attempt of a number above its own', 'COMPLETED', [1, 3], { keptBefore: 1, keptSame: 0, keptAfter: 1 }],
      ['its last attempt kept though that one ended it', 'COMPLETED', [1, 2], { keptBefore: 1, keptSame: 1, keptAfter: 0 }],
      ['its present attempt kept though it runs', 'RUNNING', [1, 2], { keptBefore: 1, keptSame: 1, keptAfter: 0 }],
    ])('one with %s', async (_what, status, numbers, counts) => {
      const broken = await brokenBy(async (db) => {
        await task(db, A, { ...(status === 'RUNNING' ? RUNNING : ENDED), attempt: 2 })
        for (const number of numbers) await attempt(db, A, number)
      })
      expect(broken).toEqual({ TASK_ATTEMPTS_MISCOUNTED: [{ subjectId: A, status, attempt: 2, ...counts }] })
    })

    it.each(['FAILED', 'CANCELLED'])('a child that did not go with its parent when that was %s', async (parentStatus) => {
      const parent = { ...ENDED, status: parentStatus, completedAtMs: NOW + 1000n }
      const told = { subjectId: B, parentId: A, parentStatus, parentCompletedAtMs: Number(NOW) + 1000 }
      const family = (child: object) => brokenBy(async (db) => [await task(db, A, parent), await task(db, B, { ...child, parentId: A })])
      expect(await family(CREATED)).toEqual({ TASK_OUTLIVES_PARENT: [{ ...told, status: 'CREATED' }] })
      expect(await family(QUEUED)).toEqual({ TASK_OUTLIVES_PARENT: [{ ...told, status: 'QUEUED' }] })
      expect(await family(RUNNING)).toEqual({ TASK_OUTLIVES_PARENT: [{ ...told, status: 'RUNNING' }] })
      expect(await family({ ...RUNNING, cancelRequestedAtMs: BigInt(Date.now()) })).toEqual({})
      expect(await family({ ...QUEUED, queuedAtMs: NOW + 2000n })).toEqual({})
    })
  })

  describe('of tasks that wait', () => {
    it('one that is due, and cannot be claimed', async () => {
      expect(await brokenBy((db) => task(db, A, { ...QUEUED, readyAtMs: null, runAtMs: 1n }))).toEqual({ TASK_DUE_NOT_READY: [{ subjectId: A, runAtMs: 1 }] })
      expect(await brokenBy((db) => task(db, A, { ...QUEUED, readyAtMs: null, runAtMs: LATER }))).toEqual({})
    })

    it('one all whose time was over long ago', async () => {
      expect(await brokenBy((db) => task(db, A, { ...QUEUED, deadlineAtMs: 1n }))).toEqual({ TASK_DEADLINE_MISSED: [{ subjectId: A, deadlineAtMs: 1 }] })
    })

    it('one that can be claimed though it waits for another, or is held', async () => {
      const told = { subjectId: A, waitingFor: 0, worker: null, leaseExpiresAtMs: null, attemptEndsAtMs: null }
      const waits = async (db: Tx) => [await task(db, A, { ...QUEUED, waitingFor: 1 }), await task(db, B, CREATED), await edge(db, A, B)]
      expect(await brokenBy(waits)).toEqual({ TASK_READY_WRONGLY: [{ ...told, waitingFor: 1 }] })
      expect(await brokenBy((db) => task(db, A, { ...QUEUED, worker: 'one' }))).toEqual({ TASK_READY_WRONGLY: [{ ...told, worker: 'one' }] })
    })

    it('one in a lane where no worker looks for it', async () => {
      const broken = (values: object) => brokenBy((db) => task(db, A, { ...QUEUED, ...values }))
      expect(await broken({ lane: 'other' })).toEqual({ TASK_IN_WRONG_LANE: [{ subjectId: A, lane: 'other', type: 'http.request', concurrencyKey: null }] })
      expect(await broken({ concurrencyKey: 'k' })).toEqual({
        TASK_IN_WRONG_LANE: [{ subjectId: A, lane: 'http.request', type: 'http.request', concurrencyKey: 'k' }],
      })
      expect(await broken({ lane: `http.request@${ownerId}` })).toEqual({})
      expect(await broken({ lane: `http.request@${ownerId}#k`, concurrencyKey: 'k' })).toEqual({})
    })

    it('one that waits for more than it depends on', async () => {
      const broken = await brokenBy(async (db) => [await task(db, A, { ...WAITING, waitingFor: 2 }), await task(db, B, CREATED), await edge(db, A, B)])
      expect(broken).toEqual({ TASK_WAITING_MISCOUNTED: [{ subjectId: A, status: 'QUEUED', waitingFor: 2, pending: 1 }] })
    })

    it('one that does not wait for what it depends on', async () => {
      const broken = await brokenBy(async (db) => [await task(db, A, QUEUED), await task(db, B, CREATED), await edge(db, A, B)])
      expect(broken).toEqual({ TASK_WAITING_MISCOUNTED: [{ subjectId: A, status: 'QUEUED', waitingFor: 0, pending: 1 }] })
    })

    it('one that waits for what has ended, and for nobody else', async () => {
      const broken = await brokenBy(async (db) => [await task(db, A, WAITING), await task(db, B, ENDED), await edge(db, A, B)])
      expect(broken).toEqual({
        TASK_WAITS_FOR_ENDED: [{ subjectId: A, dependsOnId: B, dependsOnStatus: 'COMPLETED' }],
        TASK_WAITS_FOR_NOBODY: [{ subjectId: A, status: 'QUEUED', waitingFor: 1 }],
      })
    })

    it('one that waits for what is gone, and for another one', async () => {
      const broken = await brokenBy(async (db) => [
        await task(db, A, { ...WAITING, status: 'CREATED', waitingFor: 2 }),
        await task(db, B, CREATED),
        await edge(db, A, B),
        await edge(db, A, C),
      ])
      expect(broken).toEqual({ TASK_WAITS_FOR_ENDED: [{ subjectId: A, dependsOnId: C, dependsOnStatus: null }] })
    })

    it('a parent that waits for its children, and has none', async () => {
      expect(await brokenBy((db) => task(db, A, WAITING))).toEqual({
        TASK_WAITING_MISCOUNTED: [{ subjectId: A, status: 'QUEUED', waitingFor: 1, pending: 0 }],
        TASK_WAITS_FOR_NOBODY: [{ subjectId: A, status: 'QUEUED', waitingFor: 1 }],
      })
    })
  })

  describe('of streams', () => {
    const open = { producer: 'OUTSIDE', status: 'PENDING', producerTaskId: null, attempt: null, leaseExpiresAtMs: null }
    const streaming = { status: 'STREAMING', lastSeq: 0 }

    it.each([
      ['a producer elsewhere that fell silent long ago', {}, { leaseExpiresAtMs: 1n }, { leaseExpiresAtMs: 1 }],
      ['a producer elsewhere without a lease', {}, {}, {}],
      ['a task that has ended', ENDED, { producer: 'TASK', producerTaskId: A }, { producer: 'TASK', producerTaskId: A }],
      ['a task that is gone', null, { producer: 'TASK', producerTaskId: B }, { producer: 'TASK', producerTaskId: B }],
      ['no task', null, { producer: 'TASK' }, { producer: 'TASK' }],
      ['an attempt that does not run', QUEUED, { producer: 'TASK', producerTaskId: A, attempt: 1 }, { producer: 'TASK', producerTaskId: A, attempt: 1 }],
    ])('an open one that is to be written by %s', async (_who, producer, values, told) => {
      const broken = await brokenBy(async (db) => {
        if (producer) await task(db, A, { ...CREATED, ...producer })
        await stream(db, C, values)
      })
      expect(broken).toEqual({ STREAM_WITHOUT_PRODUCER: [{ subjectId: C, ...open, ...told }] })
    })

    it('one that an earlier attempt began, or none, and nobody ended', async () => {
      const begun = (number: number | null) =>
        brokenBy(async (db) => {
          await task(db, A, { ...RUNNING, attempt: 2 })
          await attempt(db, A, 1)
          await stream(db, C, { ...streaming, producer: 'TASK', producerTaskId: A, attempt: number })
          await chunk(db, C, 0)
        })
      const told = { ...open, subjectId: C, status: 'STREAMING', producer: 'TASK', producerTaskId: A }
      expect(await begun(2)).toEqual({})
      expect(await begun(1)).toEqual({ STREAM_WITHOUT_PRODUCER: [{ ...told, attempt: 1 }] })
      expect(await begun(null)).toEqual({ STREAM_WITHOUT_PRODUCER: [told] })
    })

    it('one that has ended, and is held', async () => {
      expect(await brokenBy((db) => stream(db, A, { status: 'COMPLETED', completedAtMs: NOW, leaseExpiresAtMs: LATER }))).toEqual({
        STREAM_ENDED_AND_HELD: [{ subjectId: A, status: 'COMPLETED', leaseExpiresAtMs: Number(LATER), completedAtMs: Number(NOW) }],
      })
      expect(Object.keys(await brokenBy((db) => stream(db, A, { completedAtMs: NOW, leaseExpiresAtMs: LATER })))).toEqual(['STREAM_ENDED_AND_HELD'])
    })

    it.each([
      ['a chunk too few', 1, [0], { chunks: 1, greatestSeq: 0 }],
      ['a chunk too many', 0, [0, 1], { chunks: 2, greatestSeq: 1 }],
      ['a hole', 2, [0, 2], { chunks: 2, greatestSeq: 2 }],
      ['other numbers', 1, [1, 2], { chunks: 2, greatestSeq: 2 }],
    ])('one with %s', async (_what, lastSeq, seqs, counts) => {
      const broken = await brokenBy(async (db) => {
        await stream(db, A, { status: 'COMPLETED', completedAtMs: NOW, lastSeq })
        for (const seq of seqs) await chunk(db, A, seq)
      })
      expect(broken).toEqual({ STREAM_CHUNKS_MISCOUNTED: [{ subjectId: A, status: 'COMPLETED', lastSeq, ...counts }] })
    })

    it('one that is STREAMING without a chunk, or PENDING with one', async () => {
      expect(Object.keys(await brokenBy((db) => stream(db, A, { status: 'STREAMING', leaseExpiresAtMs: LATER })))).toEqual(['STREAM_CHUNKS_MISCOUNTED'])
      const pending = async (db: Tx) => [await stream(db, A, { lastSeq: 0, leaseExpiresAtMs: LATER }), await chunk(db, A, 0)]
      expect(Object.keys(await brokenBy(pending))).toEqual(['STREAM_CHUNKS_MISCOUNTED'])
    })
  })

  describe('of the log', () => {
    const head = (db: Tx, position: number, expiredThrough = 0) => db.logHead.update({ where: { id: 1 }, data: { position, expiredThrough } })
    const events = async (db: Tx, ...positions: number[]) => {
      for (const position of positions)
        await db.event.create({ data: { position, occurredAtMs: NOW, kind: 'SAID', subjectType: 'Test', subjectId: 'x', data: {} } })
    }

    it('nothing of one that was cut', async () => {
      expect(await brokenBy(async (db) => [await events(db, 3, 4), await head(db, 4, 2)])).toEqual({})
      expect(await brokenBy((db) => head(db, 4, 4))).toEqual({})
    })

    it('a hole', async () => {
      expect(await brokenBy(async (db) => [await events(db, 1, 2, 4, 5), await head(db, 5)])).toEqual({ LOG_HOLE: [{ subjectId: '4', formerPosition: 2 }] })
    })

    it.each([
      ['is behind', [1, 2], 1, 0, { firstEvent: 1, lastEvent: 2 }],
      ['is ahead', [1, 2], 3, 0, { firstEvent: 1, lastEvent: 2 }],
      ['is ahead of a log that holds nothing', [], 3, 1, { firstEvent: null, lastEvent: null }],
      ['knows nothing of a cut', [2, 3], 3, 0, { firstEvent: 2, lastEvent: 3 }],
      ['tells of a cut that was not made', [1, 2], 2, 1, { firstEvent: 1, lastEvent: 2 }],
    ])('a head that %s', async (_how, positions, position, expiredThrough, told) => {
      const broken = await brokenBy(async (db) => [await events(db, ...positions), await head(db, position, expiredThrough)])
      expect(broken).toEqual({ LOG_HEAD_WRONG: [{ subjectId: '1', position, expiredThrough, ...told }] })
    })

    it('a task that is not as its last event says', async () => {
      const tell = async (db: Tx, kind: string, data: { status: string; attempt: number; waitingFor: number }) => {
        await db.event.create({
          data: {
            position: 1,
            occurredAtMs: NOW,
            kind: 'TASK_CREATED',
            subjectType: 'Task',
            subjectId: A,
            data: { status: 'CREATED', attempt: 9, waitingFor: 9 },
          },
        })
        await db.event.create({ data: { position: 2, occurredAtMs: NOW, kind, subjectType: 'Task', subjectId: A, data } })
        await head(db, 2)
      }
      const told = { subjectId: A, position: 2, kind: 'TASK_STARTED', status: 'QUEUED', attempt: 0, waitingFor: 0 }
      const broken = (data: { status: string; attempt: number; waitingFor: number }) =>
        brokenBy(async (db) => [await task(db, A, QUEUED), await tell(db, 'TASK_STARTED', data)])
      expect(await broken({ status: 'QUEUED', attempt: 0, waitingFor: 0 })).toEqual({})
      expect(await broken({ status: 'RUNNING', attempt: 0, waitingFor: 0 })).toEqual({
        TASK_EVENTS_DISAGREE: [{ ...told, statusTold: 'RUNNING', attemptTold: 0, waitingForTold: 0 }],
      })
      expect(await broken({ status: 'QUEUED', attempt: 1, waitingFor: 0 })).toEqual({
        TASK_EVENTS_DISAGREE: [{ ...told, statusTold: 'QUEUED', attemptTold: 1, waitingForTold: 0 }],
      })
      expect(await broken({ status: 'QUEUED', attempt: 0, waitingFor: 1 })).toEqual({
        TASK_EVENTS_DISAGREE: [{ ...told, statusTold: 'QUEUED', attemptTold: 0, waitingForTold: 1 }],
      })
    })

    it('a task that is gone and was not deleted, or was and is there', async () => {
      const told = (db: Tx, kind: string) =>
        db.event.create({
          data: { position: 1, occurredAtMs: NOW, kind, subjectType: 'Task', subjectId: A, data: { status: 'QUEUED', attempt: 0, waitingFor: 0 } },
        })
      expect(Object.keys(await brokenBy(async (db) => [await told(db, 'TASK_QUEUED'), await head(db, 1)]))).toEqual(['TASK_EVENTS_DISAGREE'])
      expect(Object.keys(await brokenBy(async (db) => [await told(db, 'TASK_DELETED'), await head(db, 1), await task(db, A, QUEUED)]))).toEqual([
        'TASK_EVENTS_DISAGREE',
      ])
      expect(await brokenBy(async (db) => [await told(db, 'TASK_DELETED'), await head(db, 1)])).toEqual({})
    })

    it('tallies that are ahead of it, or below nothing', async () => {
      const tallyHead = (db: Tx, position: number) => db.tallyHead.upsert({ where: { id: 1 }, create: { id: 1, position }, update: { position } })
      expect(await brokenBy((db) => tallyHead(db, 1))).toEqual({ TALLY_AHEAD_OF_LOG: [{ subjectId: '1', position: 1, logPosition: 0 }] })
      const tally = { ownerId, type: 'x', failed: -1, durationCounts: {}, waitCounts: {} }
      expect(await brokenBy((db) => db.taskTally.create({ data: tally }))).toEqual({
        TALLY_NEGATIVE: [{ subjectId: `${ownerId} x`, created: 0, queued: 0, running: 0, completed: 0, failed: -1, cancelled: 0 }],
      })
    })

    it('an idempotency key under which nothing is remembered', async () => {
      const remembered = (outcome: object | null, createdAtMs: bigint) =>
        brokenBy((db) =>
          db.idempotencyKey.create({
            data: { ownerId, mutation: 'taskCreate', key: 'k', inputHash: 'x', outcome: outcome ?? (Prisma.JsonNull as never), createdAtMs },
          }),
        )
      expect(await remembered(null, 1n)).toEqual({ IDEMPOTENCY_KEY_OPEN: [{ subjectId: 'taskCreate k', ownerId, createdAtMs: 1 }] })
      expect(await remembered(null, BigInt(Date.now()))).toEqual({})
      expect(await remembered({ made: {} }, 1n)).toEqual({})
    })
  })

  it('a schedule that has been due for long, unless its owner may not act', async () => {
    const schedule = { id: A, ownerId, name: 'x', cron: '@daily', timezone: 'UTC', task: {}, nextRunAtMs: 1n, createdAtMs: 1n, updatedAtMs: 1n }
    expect(await brokenBy((db) => db.schedule.create({ data: schedule }))).toEqual({
      SCHEDULE_NOT_FIRED: [{ subjectId: A, ownerId, nextRunAtMs: 1, pausedAtMs: null, error: null }],
    })
    const disabled = async (db: Tx) => [
      await db.schedule.create({ data: schedule }),
      await db.user.update({ where: { id: ownerId }, data: { disabledAtMs: 1n } }),
    ]
    expect(await brokenBy(disabled)).toEqual({})
  })

  describe('of calls and budgets', () => {
    const call = { ownerId, provider: 'p', model: 'm', status: 'RUNNING', priceSource: 'UNKNOWN', attempt: 1, day: 0, startedAtMs: 1n } as const
    const usage = (db: Tx, values: object = {}) => db.providerUsage.create({ data: { id: C, ...call, taskId: A, ...values } })
    const budget = (db: Tx) =>
      db.budget.create({
        data: { id: B, ownerId, name: 'b', scope: 'EVERYTHING', period: 'TOTAL', amountMicroUsd: 9n, alertThresholds: [], createdAtMs: 1n, updatedAtMs: 1n },
      })
    const spent = (db: Tx, spentMicroUsd: bigint, reservedMicroUsd: bigint) =>
      db.budgetSpent.create({ data: { budgetId: B, periodStartMs: 0n, spentMicroUsd, reservedMicroUsd, updatedAtMs: 1n } })
    const reserved = (db: Tx) => db.budgetReservation.create({ data: { usageId: C, budgetId: B, periodStartMs: 0n, microUsd: 5n } })

    it('a call that runs though its attempt was over long ago', async () => {
      const told = { USAGE_WITHOUT_ATTEMPT: [{ subjectId: C, taskId: A, attempt: 1, streamId: null, startedAtMs: 1 }] }
      expect(await brokenBy((db) => usage(db))).toEqual(told)
      const ended = (completedAtMs: bigint) =>
        brokenBy(async (db) => [await task(db, A, { ...ENDED, queuedAtMs: 1n, startedAtMs: 1n, completedAtMs }), await usage(db)])
      expect(await ended(2n)).toEqual(told)
      expect(await ended(BigInt(Date.now()))).toEqual({})
      expect(await brokenBy(async (db) => [await task(db, A, RUNNING), await usage(db)])).toEqual({})
    })

    it('money that is held for a call that has ended, or not counted as held', async () => {
      const holding = (status: string, reservedMicroUsd: bigint) =>
        brokenBy(async (db) => [
          await task(db, A, RUNNING),
          await budget(db),
          await spent(db, 0n, reservedMicroUsd),
          await usage(db, { status }),
          await reserved(db),
        ])
      expect(await holding('RUNNING', 5n)).toEqual({})
      expect(await holding('COMPLETED', 5n)).toEqual({ RESERVATION_WITHOUT_CALL: [{ subjectId: C, budgetId: B, microUsd: 5, status: 'COMPLETED' }] })
      const miscounted = await holding('RUNNING', 0n)
      expect(miscounted).toMatchObject({ BUDGET_RESERVED_MISCOUNTED: [{ subjectId: B, periodStartMs: 0 }] })
      expect(Object.keys(await brokenBy(async (db) => [await budget(db), await spent(db, 0n, 7n)]))).toEqual(['BUDGET_RESERVED_MISCOUNTED'])
    })

    it('less than nothing spent', async () => {
      expect(await brokenBy(async (db) => [await budget(db), await spent(db, -1n, 0n)])).toEqual({
        BUDGET_SPENT_NEGATIVE: [{ subjectId: B, periodStartMs: 0, spentMicroUsd: -1 }],
      })
    })
  })

  describe('of the trail', () => {
    const entries = async (db: Tx, occurredAtMs: bigint, ...positions: number[]) => {
      for (const position of positions)
        await db.auditEntry.create({ data: { id: [A, B, C][position % 3]!, position, occurredAtMs, kind: 'MUTATION', operation: 'taskCreate' } })
      await db.logHead.update({ where: { id: 1 }, data: { entryPosition: positions.at(-1)! } })
    }
    const chain = (db: Tx, sealedThrough: number, cutThrough = 0) => {
      const mac = Buffer.alloc(32)
      return db.auditChain.create({ data: { id: 1, sealedThrough, sealedMac: mac, cutThrough, cutMac: mac, mac } })
    }

    it('nothing of one that is about to be sealed, or was cut', async () => {
      expect(await brokenBy((db) => entries(db, NOW, 1, 2))).toEqual({})
      expect(await brokenBy(async (db) => [await entries(db, 1n, 4, 5), await chain(db, 5, 3)])).toEqual({})
    })

    it('a hole', async () => {
      expect(await brokenBy((db) => entries(db, NOW, 1, 3))).toEqual({ AUDIT_HOLE: [{ subjectId: A, position: 3 }] })
    })

    it('a head that is ahead, or behind', async () => {
      const moved = (entryPosition: number) => async (db: Tx) => [
        await entries(db, NOW, 1, 2),
        await db.logHead.update({ where: { id: 1 }, data: { entryPosition } }),
      ]
      for (const entryPosition of [1, 3])
        expect(await brokenBy(moved(entryPosition))).toEqual({ AUDIT_HEAD_WRONG: [{ subjectId: '1', entryPosition, lastEntry: 2 }] })
    })

    it('one that nobody seals', async () => {
      expect(await brokenBy((db) => entries(db, 1n, 1, 2))).toEqual({ AUDIT_UNSEALED: [{ subjectId: B, position: 1, occurredAtMs: 1 }] })
      expect(await brokenBy(async (db) => [await entries(db, 1n, 1, 2), await chain(db, 1)])).toEqual({
        AUDIT_UNSEALED: [{ subjectId: C, position: 2, occurredAtMs: 1 }],
      })
    })
  })

  describe('of facts:', () => {
    const fact = (db: Tx, values: object = {}) => {
      const near = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`near${i}`, 1n]))
      const data = { id: A, ownerId, text: 'a', folded: 'a', sameKey: 1n, ...near, createdAtMs: 1n, updatedAtMs: 1n, ...values }
      return db.fact.create({ data: data as never })
    }
    const indexed = async (db: Tx, id = A) => {
      const { no } = await db.textSpace.create({ data: { key: `facts:${ownerId}`, language: 'ENGLISH' } })
      await db.textItem.create({ data: { spaceNo: no, id, groupId: id } })
    }

    it('one that is not in its owner’s index', async () => {
      expect(await brokenBy(async (db) => [await fact(db), await indexed(db)])).toEqual({})
      expect(await brokenBy(async (db) => [await fact(db), await indexed(db, B)])).toEqual({ FACT_NOT_INDEXED: [{ subjectId: A }] })
    })

    it('a tag that names another owner', async () => {
      const tag = (db: Tx, tagOwnerId: string) => db.factTag.create({ data: { factId: A, tag: 't', ownerId: tagOwnerId } })
      expect(await brokenBy(async (db) => [await fact(db), await indexed(db), await tag(db, ownerId)])).toEqual({})
      expect(await brokenBy(async (db) => [await fact(db), await indexed(db), await tag(db, B)])).toEqual({
        FACT_TAG_OF_ANOTHER: [{ subjectId: A, tag: 't', tagOwnerId: B }],
      })
    })

    it('one that comes from another’s task', async () => {
      const other = newId()
      const ofAnother = async (db: Tx) => {
        await db.user.create({ data: { id: other, email: 'bob@example.com', displayName: 'Bob', preferences: {}, createdAtMs: 1n, updatedAtMs: 1n } })
        await task(db, B, { ...ENDED, ownerId: other })
      }
      expect(await brokenBy(async (db) => [await ofAnother(db), await fact(db, { taskId: B }), await indexed(db)])).toMatchObject({
        FACT_FROM_ANOTHERS: [{ subjectId: A, sourceId: B }],
      })
    })
  })

  describe('of vectors', () => {
    const set = (db: Tx, id: string, values: object) =>
      db.vectorSet.create({ data: { id, ownerId, space: 'test:space', model: 'test/model', status: 'LIVE', createdAtMs: NOW, ...values } as never })
    const space = { space: 'test:space' }

    it('two sets of a space that both answer', async () => {
      const broken = await brokenBy(async (db) => {
        await set(db, A, {})
        await set(db, B, {})
      })
      expect(broken).toEqual({ VECTORS_LIVE_TWICE: [{ subjectId: A, ...space, live: 2 }] })
    })

    it('a set whose task has ended, or is not there', async () => {
      const broken = await brokenBy(async (db) => {
        await task(db, A, ENDED)
        await set(db, B, { taskId: A })
        await set(db, C, { status: 'BUILDING', taskId: C })
      })
      expect(broken.VECTORS_WITHOUT_TASK).toEqual(expect.arrayContaining([B, C].map((subjectId) => expect.objectContaining({ subjectId, ...space }))))
    })

    it('what is to be embedded, and nobody does it or says why', async () => {
      const pending = (db: Tx, setId: string) => db.vectorPending.create({ data: { setId, itemId: A, stamp: A } })
      const broken = await brokenBy(async (db) => {
        await set(db, A, {})
        await pending(db, A)
        await set(db, B, { space: 'test:other', error: 'Not today.' })
        await pending(db, B)
      })
      expect(broken).toEqual({ VECTORS_PENDING_UNHEEDED: [{ subjectId: A, ...space, status: 'LIVE' }] })
    })

    it('a set that counts its vectors wrong', async () => {
      const broken = await brokenBy(async (db) => {
        await set(db, A, { items: 2 })
        await db.vector.create({ data: { setId: A, itemId: B, version: 1n, bytes: Buffer.alloc(4) } })
      })
      expect(broken).toEqual({ VECTORS_MISCOUNTED: [{ subjectId: A, items: 2, there: 1 }] })
    })
  })

  describe('of documents and imports', () => {
    const of = { ownerId, createdAtMs: 1n, updatedAtMs: 1n }
    const collection = (db: Tx) => db.searchCollection.create({ data: { ...of, id: A, name: 'a', language: 'SIMPLE', chunkWords: 100, overlapWords: 0 } })

    it('a chunk that nobody finds', async () => {
      const chunk = async (db: Tx) => [
        await collection(db),
        await db.searchDocument.create({ data: { ...of, id: B, collectionId: A, content: 'x', metadata: {}, length: 1 } }),
        await db.searchChunk.create({ data: { id: C, documentId: B, collectionId: A, seq: 0, startAt: 0, endAt: 1, hash: 'x' } }),
      ]
      expect(await brokenBy(chunk)).toEqual({ SEARCH_CHUNK_NOT_INDEXED: [{ subjectId: C, documentId: B }] })
      const indexed = async (db: Tx) => [
        await chunk(db),
        await db.textSpace.create({ data: { key: `collection:${A}`, language: 'SIMPLE', items: { create: { id: C, groupId: B } } } }),
      ]
      expect(await brokenBy(indexed)).toEqual({})
    })

    it('a file that is read farther than it goes, or not to its end', async () => {
      const read = (readBytes: bigint, completedAtMs: bigint | null) =>
        brokenBy(async (db) => [
          await collection(db),
          await db.searchImport.create({
            data: {
              ...of,
              ...{ id: B, collectionId: A, format: 'TEXT', ifExists: 'FAIL', receivedParts: 1, receivedBytes: 5n, isComplete: true, readBytes, readRows: 0 },
              ...{ added: 0, updated: 0, unchanged: 0, failed: 0, faults: [], completedAtMs },
            },
          }),
        ])
      expect(await read(6n, null)).toEqual({ SEARCH_IMPORT_READ_TOO_FAR: [{ subjectId: B, readBytes: 6, receivedBytes: 5 }] })
      expect(Object.keys(await read(4n, 1n))).toEqual(['SEARCH_IMPORT_READ_TOO_FAR'])
      expect([await read(4n, null), await read(5n, 1n)]).toEqual([{}, {}])
    })
  })

  it('every one of them is tried here', async () => {
    const names = (await invariantsCheck(database)).map(({ name }) => name)
    const text = readFileSync(new URL(import.meta.url), 'utf8')
    expect(names.filter((name) => !text.includes(name))).toEqual([])
    expect(names.length).toBeGreaterThan(20)
  })
})
