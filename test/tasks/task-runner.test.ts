import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { DomainError } from '../../src/core/errors.ts'
import { transact } from '../../src/events/transact.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { ChunkCommitter } from '../../src/streams/chunk-committer.ts'
import { StreamWriter } from '../../src/streams/stream-writer.ts'
import { backoffMs } from '../../src/tasks/retry-policy.ts'
import type { Lease } from '../../src/tasks/task.ts'
import { taskComplete } from '../../src/tasks/task-complete.ts'
import { taskFail } from '../../src/tasks/task-fail.ts'
import { taskHeartbeat } from '../../src/tasks/task-heartbeat.ts'
import { taskStreamOpen } from '../../src/tasks/task-stream-open.ts'
import { tasksRescue } from '../../src/tasks/tasks-rescue.ts'
import { dialects, hasPostgres } from '../kit/databases.ts'
import {
  bare,
  CANCEL,
  completes,
  create,
  does,
  due,
  kindsOf,
  lapse,
  openTaskWorld,
  read,
  stateOf,
  type TaskWorld,
  UPDATE,
  whenStatus,
  whenTask,
} from './task.ts'

class Busy extends DomainError {
  override readonly retryable = true
  constructor(readonly retryAfterMs: number | null = null) {
    super('UNAVAILABLE', 'Somebody else is busy.')
  }
}
class Hopeless extends DomainError {
  constructor() {
    super('BAD_USER_INPUT', 'This can never work.')
  }
}

const STREAMS = 'query ($id: ID!) { task(id: $id) { streams { nodes { id status attempt text error } } } }'

describe.each(dialects())('the runner on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '30' } })
  })
  afterAll(() => on.world.close())

  const streams = async (id: string) => (await on.world.ask(STREAMS, { id }, on.ada)).data.task.streams.nodes
  const scripted = (script: string, input: object = {}) => create(on.world, on.ada, { type: 'test.scripted', params: { script }, ...input })
  const attempted = (id: string) => whenTask(on.world, on.ada, id, (task) => task.attempt > 0 && task.status !== 'RUNNING')
  const leaseOf = async (id: string): Promise<Lease> => {
    const { leaseToken } = await on.world.client.task.findUniqueOrThrow({ where: { id: bare(id) } })
    return { id: bare(id), leaseToken: leaseToken! }
  }
  const asServer = <T>(operation: Parameters<typeof transact<T>>[2]) => transact(on.world.app.store, server, operation)

  it('holds the task before all else that ends with it, as whoever takes it away does', async () => {
    const { id } = await create(on.world, on.ada)
    const { task, complete } = await on.held.run(id)
    const free: unknown[][] = []
    const { database } = on.world.app.store
    task.atEnd(async () => {
      free.push(await database.rows(Prisma.sql`SELECT "id" FROM "Task" WHERE "id" = ${bare(id)} ${database.sql.forUpdateSkipLocked}`))
    })
    complete({})
    await whenStatus(on.world, on.ada, id, 'COMPLETED')
    // On SQLite there is one writer, and nothing to hold.
    expect(free).toEqual([dialect === 'postgresql' ? [] : [{ id: bare(id) }]])
  })

  it('keeps the result, the summary and the agents that took part', async () => {
    const { id } = await create(on.world, on.ada)
    const outcome = { result: { answer: [42, null, 'ü'] }, summary: 'It is 42.', agentsInvolved: ['planner', 'writer'] }
    expect(await completes(on, on.ada, id, outcome)).toMatchObject({
      ...outcome,
      status: 'COMPLETED',
      progress: 1,
      attempt: 1,
      worker: null,
      leaseExpiresAt: null,
      durationMs: expect.any(Number),
    })
  })

  it('keeps a summary that was there where the function tells none', async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    await does(on.world, UPDATE, { id, summary: 'written meanwhile' }, on.ada)
    expect(await completes(on, on.ada, id)).toMatchObject({ summary: 'written meanwhile', result: null, agentsInvolved: [] })
  })

  it('tells progress as it is made, at most a few times a second, and the last of it always', async () => {
    let go!: () => void
    const gone = new Promise<void>((resolve) => {
      go = resolve
    })
    on.scripts.write('progress', async (task) => {
      for (let i = 1; i <= 60; i++) {
        task.progress(i / 100, `step ${i}`)
        await new Promise((resolve) => setImmediate(resolve))
        // As long as a write takes, so that each could be written if nothing held it back.
        if (i % 10 === 0) await on.world.client.task.count()
      }
      await gone
      return {}
    })
    const { id } = await scripted('progress')
    expect(await whenTask(on.world, on.ada, id, (task) => task.progress === 0.6)).toMatchObject({ progressMessage: 'step 60' })
    go()
    await whenStatus(on.world, on.ada, id, 'COMPLETED')
    expect((await kindsOf(on.world, id)).filter((kind) => kind === 'PROGRESSED').length).toBeLessThan(6)
  })

  it('writes the last progress also when the function ends right after telling it, without making it wait', async () => {
    on.scripts.write('hasty', async (task) => {
      task.progress(0.1, 'first')
      await on.world.client.task.count()
      task.progress(0.2, 'last')
      return {}
    })
    const { id } = await scripted('hasty')
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ progress: 1, progressMessage: 'last' })
  })

  it('takes progress that is no number between 0 and 1 for what is nearest', async () => {
    for (const [told, kept] of [
      [7, 1],
      [-7, 0],
      [Number.NaN, null],
    ] as const) {
      const { id } = await create(on.world, on.ada)
      ;(await on.held.run(id)).task.progress(told, `told ${told}`)
      expect(await whenTask(on.world, on.ada, id, (task) => task.progressMessage === `told ${told}`)).toMatchObject({ progress: kept })
    }
  })

  it('tries again after a failure that may pass, after a growing pause', async () => {
    const { id } = await create(on.world, on.ada)
    for (const attempt of [1, 2]) {
      const run = await on.held.run(id, attempt)
      const failedAt = Date.now()
      run.fail(new Busy())
      const waiting = await whenStatus(on.world, on.ada, id, 'QUEUED')
      expect(waiting).toMatchObject({ attempt, error: 'Somebody else is busy.', worker: null, completedAt: null })
      const pause = new Date(waiting.runAt).getTime() - failedAt
      expect(pause).toBeGreaterThan(1000 * 2 ** (attempt - 1) - 500)
      expect(pause).toBeLessThan(1500 * 2 ** (attempt - 1) + 1500)
      await due(on.world, id)
    }
    expect(await completes(on, on.ada, id)).toMatchObject({ attempt: 3, error: null })
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED', 'RETRY_SCHEDULED', 'STARTED', 'RETRY_SCHEDULED', 'STARTED', 'COMPLETED'])
  })

  it('waits as long as the failure asks', async () => {
    const { id } = await create(on.world, on.ada)
    ;(await on.held.run(id)).fail(new Busy(600_000))
    const task = await whenStatus(on.world, on.ada, id, 'QUEUED')
    expect(new Date(task.runAt).getTime() - Date.now()).toBeGreaterThan(590_000)
  })

  it('doubles the pause with each attempt, up to five minutes and half of that', () => {
    expect([1, 2, 3, 9, 10, 100].map((attempt) => backoffMs(attempt, null, 0))).toEqual([1000, 2000, 4000, 256_000, 300_000, 300_000])
    expect(backoffMs(100, null, 1)).toBe(450_000)
  })

  it('fails at once, in its own words, where no further attempt can help', async () => {
    const { id } = await create(on.world, on.ada)
    ;(await on.held.run(id)).fail(new Hopeless())
    expect(await whenStatus(on.world, on.ada, id, 'FAILED')).toMatchObject({ error: 'This can never work.', attempt: 1, maxAttempts: 3, result: null })
  })

  it('shows nothing of an error that was not meant for users', async () => {
    const { id } = await create(on.world, on.ada, { maxAttempts: 1 })
    ;(await on.held.run(id)).fail(new Error('password=hunter2'))
    const task = await whenStatus(on.world, on.ada, id, 'FAILED')
    expect(task.error).toContain('internal error')
    const events = await on.world.client.event.findMany({ where: { subjectId: bare(id) } })
    expect(JSON.stringify(events, (_key, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain('hunter2')
  })

  it('fails when the last attempt did', async () => {
    const { id } = await create(on.world, on.ada, { maxAttempts: 2 })
    ;(await on.held.run(id)).fail(new Busy())
    await whenStatus(on.world, on.ada, id, 'QUEUED')
    await due(on.world, id)
    ;(await on.held.run(id, 2)).fail(new Busy())
    expect(await whenStatus(on.world, on.ada, id, 'FAILED')).toMatchObject({ error: 'Somebody else is busy.', attempt: 2, completedAt: expect.any(String) })
  })

  it('ends an attempt that takes longer than it may', async () => {
    const { id } = await create(on.world, on.ada, { timeoutSeconds: 1, maxAttempts: 1 })
    expect(await whenStatus(on.world, on.ada, id, 'FAILED')).toMatchObject({ error: 'The attempt took longer than the task allows. (1 s)' })
    expect((await on.held.run(id)).task.signal.aborted).toBe(true)
  })

  it('keeps long, odd and half characters of errors and results in a form that every database can keep', async () => {
    class Odd extends DomainError {
      constructor() {
        super('BAD_USER_INPUT', `null \u0000, half \ud83d, ${'x'.repeat(3982)}🌞 and more`)
      }
    }
    const failed = await create(on.world, on.ada)
    ;(await on.held.run(failed.id)).fail(new Odd())
    expect((await whenStatus(on.world, on.ada, failed.id, 'FAILED')).error).toMatch(/^null \ufffd, half \ufffd, x+/)
    const done = await create(on.world, on.ada)
    const outcome = { result: { text: 'null \u0000, half \ud83d, "\\u0000"', 'k\u0000': 1 }, summary: 'a\u0000b\ud83d', agentsInvolved: ['x\u0000'] }
    expect(await completes(on, on.ada, done.id, outcome)).toMatchObject({
      result: { text: 'null \ufffd, half \ufffd, "\\u0000"', 'k\ufffd': 1 },
      summary: 'a\ufffdb\ufffd',
      agentsInvolved: ['x\ufffd'],
    })
  })

  it('fails a task whose result cannot be written, instead of losing it', async () => {
    const { id } = await create(on.world, on.ada, { maxAttempts: 1 })
    ;(await on.held.run(id)).complete({ result: { big: 1n } })
    expect(await whenStatus(on.world, on.ada, id, 'FAILED')).toMatchObject({ error: expect.stringContaining('internal error') })
  })

  it('renews its leases as long as the work takes', async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    await on.world.client.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = "leaseExpiresAtMs" - 9000 WHERE "id" = ${bare(id)}`
    const { leaseExpiresAt } = await read(on.world, on.ada, id)
    await on.world.app.runner.sweep()
    const renewed = await read(on.world, on.ada, id)
    expect(new Date(renewed.leaseExpiresAt).getTime() - new Date(leaseExpiresAt).getTime()).toBeGreaterThan(5000)
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED'])
    await completes(on, on.ada, id)
  })

  it('renews its own leases before it takes over lost ones, so that a stalled server does not lose its own tasks', async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    await lapse(on.world, id)
    await on.world.app.runner.sweep()
    expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'RUNNING', attempt: 1 })
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED'])
    await completes(on, on.ada, id)
  })

  describe('when a worker is lost', () => {
    /** As a server does that finds the lease run out. */
    const rescue = async (id: string) => {
      await asServer(async (work) => {
        await work.db.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = 1 WHERE "id" = ${bare(id)}`
        return tasksRescue(work)
      })
    }

    it('runs the task again; the stream of the lost attempt is INTERRUPTED and keeps its text', async () => {
      const { id } = await create(on.world, on.ada)
      const first = await on.held.run(id)
      await (await first.task.openStream({})).write('TEXT', 'half a sent')
      await expect.poll(async () => (await streams(id))[0].text).toBe('half a sent')
      await rescue(id)
      const second = await on.held.run(id, 2)
      await (await second.task.openStream({})).write('TEXT', 'a whole sentence')
      await completes(on, on.ada, id)
      expect(await streams(id)).toMatchObject([
        { status: 'INTERRUPTED', attempt: 1, text: 'half a sent', error: 'The worker was lost: its lease ran out.' },
        { status: 'COMPLETED', attempt: 2, text: 'a whole sentence', error: null },
      ])
      expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED', 'STREAM_OPENED', 'LEASE_LOST', 'STARTED', 'STREAM_OPENED', 'COMPLETED'])
    })

    it('nothing of the lost worker comes through any more, and nothing is changed by its trying', async () => {
      const { id } = await create(on.world, on.ada, { maxAttempts: 2 })
      const first = await on.held.run(id)
      const writer = await first.task.openStream({})
      await writer.write('TEXT', 'before')
      await expect.poll(async () => (await streams(id))[0].text).toBe('before')
      const lease = await leaseOf(id)
      await rescue(id)
      await on.held.run(id, 2)
      const before = await stateOf(on.world, id)
      await expect(asServer((work) => taskComplete(work, lease, { result: 'stolen' }))).rejects.toMatchObject({ code: 'TASK_NOT_LEASED' })
      await expect(asServer((work) => taskFail(work, lease, { error: 'stolen', retry: true }))).rejects.toMatchObject({ code: 'TASK_NOT_LEASED' })
      await expect(asServer((work) => taskHeartbeat(work, lease, { progress: 0.5 }))).rejects.toMatchObject({ code: 'TASK_NOT_LEASED' })
      await expect(asServer((work) => taskStreamOpen(work, lease, {}))).rejects.toMatchObject({ code: 'TASK_NOT_LEASED' })
      // Refused at once where the loss was noticed already.
      await writer.write('TEXT', 'after').catch(() => {})
      await expect.poll(() => first.task.signal.aborted).toBe(true)
      expect(await stateOf(on.world, id)).toEqual(before)
      await completes(on, on.ada, id)
    })

    it('the first words of a lost attempt do not get into the stream that the next one writes', async () => {
      const { id } = await create(on.world, on.ada)
      const first = await on.held.run(id)
      const lost = await first.task.openStream({})
      await rescue(id)
      const second = await on.held.run(id, 2)
      const writer = await second.task.openStream({})
      expect(writer.streamId).toBe(lost.streamId)
      await lost.write('TEXT', 'lost words').catch(() => {})
      await expect.poll(() => first.task.signal.aborted).toBe(true)
      await writer.write('TEXT', 'good words')
      expect(await completes(on, on.ada, id)).toMatchObject({ attempt: 2 })
      expect(await streams(id)).toMatchObject([{ status: 'COMPLETED', attempt: 2, text: 'good words' }])
    })

    it('nor into the one that waits for it', async () => {
      const { id } = await create(on.world, on.ada)
      const first = await on.held.run(id)
      const lost = await first.task.openStream({})
      await asServer(async (work) => {
        await work.db.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = 1 WHERE "id" = ${bare(id)}`
        await tasksRescue(work)
        await work.db.$executeRaw`UPDATE "Task" SET "runAtMs" = 4102444800000 WHERE "id" = ${bare(id)}`
      })
      await lost.write('TEXT', 'lost words').catch(() => {})
      await expect.poll(() => first.task.signal.aborted).toBe(true)
      expect(await streams(id)).toMatchObject([{ status: 'PENDING', text: '' }])
    })

    it('and found again by the same server, both attempts are told apart', async () => {
      let release!: () => void
      const released = new Promise<void>((resolve) => {
        release = resolve
      })
      let ended!: () => void
      const end = new Promise<void>((resolve) => {
        ended = resolve
      })
      on.scripts.write('twice', async (task) => {
        if (task.attempt === 1) {
          await released
          ended()
          return { result: 'the lost one' }
        }
        await end
        return new Promise((resolve) => task.signal.addEventListener('abort', () => resolve({ result: 'the second one was left alone' })))
      })
      const { id } = await scripted('twice')
      await whenStatus(on.world, on.ada, id, 'RUNNING')
      await rescue(id)
      await whenTask(on.world, on.ada, id, (task) => task.attempt === 2)
      release()
      await end
      // The first one's end could not be written; by the end of another task that is known.
      await completes(on, on.ada, (await create(on.world, on.ada)).id)
      await lapse(on.world, id)
      await on.world.app.runner.sweep()
      expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'RUNNING', attempt: 2 })
      await does(on.world, CANCEL, { id }, on.ada)
      expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'COMPLETED', result: 'the second one was left alone' })
    })

    it('at the last attempt the task FAILED', async () => {
      const { id } = await create(on.world, on.ada, { maxAttempts: 1 })
      await (await (await on.held.run(id)).task.openStream({})).write('TEXT', 'so far')
      await expect.poll(async () => (await streams(id))[0].text).toBe('so far')
      await rescue(id)
      expect(await whenStatus(on.world, on.ada, id, 'FAILED')).toMatchObject({ error: 'The worker was lost: its lease ran out.', attempt: 1, worker: null })
      expect(await streams(id)).toMatchObject([{ status: 'INTERRUPTED', text: 'so far' }])
    })

    it('a task that was to be cancelled is CANCELLED', async () => {
      const { id } = await create(on.world, on.ada)
      await whenStatus(on.world, on.ada, id, 'RUNNING')
      await asServer(async (work) => {
        await work.db.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = 1, "cancelRequestedAtMs" = 1 WHERE "id" = ${bare(id)}`
        return tasksRescue(work)
      })
      expect(await whenStatus(on.world, on.ada, id, 'CANCELLED')).toMatchObject({ attempt: 1, worker: null })
    })

    it('of many servers that find it one takes it over', async () => {
      const { id } = await create(on.world, on.ada, { maxAttempts: 1 })
      await whenStatus(on.world, on.ada, id, 'RUNNING')
      // Another's, which nobody renews: this server, too, may be the one that finds it.
      await on.world.client.task.update({ where: { id: bare(id) }, data: { leaseExpiresAtMs: 1n, leaseToken: 'lost' } })
      const found = await Promise.all(Array.from({ length: 5 }, () => asServer(tasksRescue)))
      expect(found.flatMap(({ result }) => result).filter((task) => task.id === bare(id)).length).toBeLessThanOrEqual(1)
      await whenStatus(on.world, on.ada, id, 'FAILED')
      expect((await kindsOf(on.world, id)).filter((kind) => kind === 'FAILED')).toHaveLength(1)
    })
  })

  describe('streams of an attempt', () => {
    it('can be several at once, each with its own words', async () => {
      on.scripts.write('two streams', async (task) => {
        const [a, b] = await Promise.all([task.openStream({ model: 'a' }), task.openStream({ model: 'b' })])
        for (const word of ['one ', 'two ', 'three']) await Promise.all([a.write('TEXT', `a ${word}`), b.write('TEXT', `b ${word}`)])
        return {}
      })
      const { id } = await scripted('two streams')
      expect(await attempted(id)).toMatchObject({ status: 'COMPLETED', attempt: 1 })
      expect((await streams(id)).map((stream: { text: string }) => stream.text).sort()).toEqual(['a one a two a three', 'b one b two b three'])
    })

    it('keep everything that was written, however much, when the function ends at once', async () => {
      on.scripts.write('flood', async (task) => {
        const [a, b] = [await task.openStream({}), await task.openStream({})]
        for (let i = 0; i < 9000; i++) {
          void a.write('TEXT', `${i},`)
          void b.write('TEXT', `${-i},`)
        }
        return {}
      })
      const { id } = await scripted('flood')
      expect(await attempted(id)).toMatchObject({ status: 'COMPLETED', attempt: 1 })
      const texts = (await streams(id)).map((stream: { text: string }) => stream.text.length).sort()
      const length = (sign: number) => Array.from({ length: 9000 }, (_, i) => `${sign * i},`).join('').length
      expect(texts).toEqual([length(1), length(-1)].sort())
    })

    it('join the halves of a character that came apart', async () => {
      on.scripts.write('halves', async (task) => {
        const stream = await task.openStream({})
        for (const unit of 'a🌞b🌚'.split('')) await stream.write('TEXT', unit)
        return {}
      })
      const { id } = await scripted('halves')
      await whenStatus(on.world, on.ada, id, 'COMPLETED')
      expect((await streams(id))[0].text).toBe('a🌞b🌚')
    })

    it('that takes nothing more ends the attempt, and the task is tried again without waiting for the lease', async () => {
      const { id } = await create(on.world, on.ada)
      const run = await on.held.run(id)
      const stream = await run.task.openStream({})
      await on.world.client.stream.delete({ where: { id: stream.streamId } })
      await stream.write('TEXT', 'to nowhere').catch(() => {})
      expect(await whenStatus(on.world, on.ada, id, 'QUEUED')).toMatchObject({ attempt: 1 })
      await due(on.world, id)
      expect(await completes(on, on.ada, id)).toMatchObject({ attempt: 2 })
    })

    it('of others are not touched by what one of them cannot take', async () => {
      const committer = new ChunkCommitter(on.world.app.store)
      const { id } = await create(on.world, on.ada)
      const stream = await (await on.held.run(id)).task.openStream({})
      const appends = await Promise.allSettled([
        committer.append({ streamId: stream.streamId, attempt: 1, afterSeq: -1, chunks: [{ kind: 'TEXT', content: 'good' }] }),
        committer.append({ streamId: stream.streamId, attempt: 1, afterSeq: 2 ** 31 - 2, chunks: Array(9).fill({ kind: 'TEXT', content: 'bad' }) }),
        committer.append({ streamId: 'none', attempt: 1, afterSeq: 2 ** 31 - 2, chunks: Array(9).fill({ kind: 'TEXT', content: 'bad' }) }),
      ])
      expect(appends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
      expect((await streams(id))[0].text).toBe('good')
    })
  })

  it('a request to stop that was meant for an earlier attempt does not end a later one', async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    await asServer(async (work) => {
      work.events.push({
        kind: 'TASK_CANCEL_REQUESTED',
        subjectType: 'Task',
        subjectId: bare(id),
        ownerId: bare(on.ada.id),
        data: { attempt: 0, status: 'RUNNING' },
      })
    })
    await on.world.app.store.tail.look()
    expect((await on.held.run(id)).task.signal.aborted).toBe(false)
    await completes(on, on.ada, id)
  })
})

describe.each(dialects())('a server that stops, on %s', (dialect) => {
  it('puts its tasks back, at no cost of an attempt, and the next server runs them', async () => {
    const first = await openTaskWorld(dialect)
    const { url } = first.world
    const { id } = await create(first.world, first.ada, { maxAttempts: 2 })
    const stream = await (await first.held.run(id)).task.openStream({})
    await stream.write('TEXT', 'so far')
    await first.world.app.runner.stop()
    expect(await read(first.world, first.ada, id)).toMatchObject({ status: 'QUEUED', attempt: 1, maxAttempts: 3, worker: null })
    expect((await first.world.ask(STREAMS, { id }, first.ada)).data.task.streams.nodes).toMatchObject([
      { status: 'INTERRUPTED', text: 'so far', error: 'The server stopped.' },
    ])
    expect(await kindsOf(first.world, id)).toEqual(['CREATED', 'STARTED', 'STREAM_OPENED', 'RELEASED'])
    const { app } = first.world
    await app.close()
    const second = await openTaskWorld(dialect, { url })
    expect(await completes(second, first.ada, id)).toMatchObject({ attempt: 2, maxAttempts: 3 })
    await second.world.close()
  })

  it('CANCELS what was to be cancelled just then', async () => {
    const on = await openTaskWorld(dialect)
    const { id } = await create(on.world, on.ada)
    await on.held.run(id)
    await on.world.client.$executeRaw`UPDATE "Task" SET "cancelRequestedAtMs" = 1 WHERE "id" = ${bare(id)}`
    await on.world.app.runner.stop()
    expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'CANCELLED', attempt: 1 })
    await on.world.close()
  })

  it('runs those of the highest priority first, and then those that are due the longest', async () => {
    const order: string[] = []
    const on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '1' } })
    on.scripts.write('order', async (task) => {
      order.push(task.params.name as string)
      return {}
    })
    const blocker = await create(on.world, on.ada)
    await on.held.run(blocker.id)
    const tasks: { id: string }[] = []
    for (const [name, input] of [
      ['late', { runAt: '2020-01-02T00:00:00Z' }],
      ['early', { runAt: '2020-01-01T00:00:00Z' }],
      ['low', { priority: -1, runAt: '2019-01-01T00:00:00Z' }],
      ['high', { priority: 5 }],
    ] as const)
      tasks.push(await create(on.world, on.ada, { type: 'test.scripted', params: { script: 'order', name }, ...input }))
    await completes(on, on.ada, blocker.id)
    for (const { id } of tasks) await whenStatus(on.world, on.ada, id, 'COMPLETED')
    expect(order).toEqual(['high', 'early', 'late', 'low'])
    await on.world.close()
  })
})

describe.runIf(hasPostgres)('two servers on one PostgreSQL database', () => {
  it('never run one attempt twice', async () => {
    const ran: string[] = []
    const open = async (url?: string) => {
      const each = await openTaskWorld('postgresql', { ...(url !== undefined && { url }) })
      each.scripts.write('quick', async (task) => {
        ran.push(`${task.id}/${task.attempt}`)
        return {}
      })
      return each
    }
    const one = await open()
    const two = await open(one.world.url)
    const ids = await Promise.all(
      Array.from({ length: 200 }, async () => (await create(one.world, one.ada, { type: 'test.scripted', params: { script: 'quick' } })).id),
    )
    for (const id of ids) await whenStatus(one.world, one.ada, id, 'COMPLETED', 'FAILED')
    expect(ran.sort()).toEqual(ids.map((id) => `${bare(id)}/1`).sort())
    const workers = await one.world.client.task.groupBy({ by: ['status'], _count: { _all: true } })
    expect(workers).toEqual([{ status: 'COMPLETED', _count: { _all: 200 } }])
    await two.world.close()
    await one.world.close()
  })

  it('stop a task from whichever of them it is asked', async () => {
    const one = await openTaskWorld('postgresql', { env: { TASK_CONCURRENCY: '0' } })
    const two = await openTaskWorld('postgresql', { url: one.world.url })
    const { id } = await create(one.world, one.ada)
    const { task } = await two.held.run(id)
    expect(await does(one.world, CANCEL, { id }, one.ada)).toMatchObject({ status: 'CANCELLED' })
    expect(task.signal.aborted).toBe(true)
    await two.world.close()
    await one.world.close()
  })
})

// The pen by itself, where a race decides.
describe.each(dialects())('a StreamWriter on %s', (dialect) => {
  it('takes nothing more once its remainder was handed over', async () => {
    const on = await openTaskWorld(dialect)
    const { id } = await create(on.world, on.ada)
    const opened = await (await on.held.run(id)).task.openStream({})
    const writer = new StreamWriter(opened.streamId, 1, new ChunkCommitter(on.world.app.store), () => {})
    await writer.write('TEXT', 'kept')
    const remainder = writer.remainder()
    await expect(writer.write('TEXT', 'too late')).rejects.toThrow()
    expect(await remainder).toEqual([])
    await on.world.close()
  })
})
