/** Two servers on one PostgreSQL: whichever one is asked, the answer is the same. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ServerProcess } from '../faults/server-process.ts'
import { hasPostgres } from '../kit/databases.ts'
import { HeldTasks } from '../kit/task-types.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

const CREATE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } eventCursor userErrors { code message } } }`
const EVENTS = `subscription ($after: Cursor) { events(after: $after) { cursor kind subjectId } }`
const TASK = `subscription ($id: ID!) { taskUpdated(id: $id) { kind toStatus task { status attempt result } } }`
const CHUNKS = `subscription ($id: ID!, $afterSeq: Int) { streamChunks(streamId: $id, afterSeq: $afterSeq) { text lastSeq status } }`
const OPEN = `mutation { streamOpen(input: {}) { stream { id } producerToken userErrors { code message } } }`
const APPEND = `mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { code message } } }`
const CANCEL = `mutation ($id: ID!) { taskCancel(input: { id: $id }) { task { status } userErrors { code message } } }`
const SECRET = 'the secret of a server that is only tested'

describe.runIf(hasPostgres)('two servers on one PostgreSQL', () => {
  const held = new HeldTasks()
  let a: World
  let b: World
  let user: TestUser
  let admin: pg.Client

  beforeAll(async () => {
    a = await openWorld('postgresql', { extend: held.register })
    // Only serves the API: what runs, runs on the other one.
    b = await openWorld('postgresql', { url: a.url, extend: new HeldTasks().register, env: { TASK_CONCURRENCY: '0' } })
    user = await a.user()
    admin = new pg.Client({ connectionString: a.url })
    await admin.connect()
  })
  afterAll(async () => {
    await admin.end()
    await b.close()
    await a.close()
  })

  const create = async (): Promise<{ id: string; cursor: string }> => {
    const { task, eventCursor } = await a.does(CREATE, { input: { type: 'test.held', runImmediately: false } }, user)
    return { id: task.id, cursor: eventCursor }
  }

  test('what one writes the other’s subscribers see, sooner than the other would look by itself', async () => {
    const follower = await b.follow(EVENTS, {}, user)
    const begun = performance.now()
    for (let i = 0; i < 10; i++) {
      const { id, cursor } = await create()
      expect(await follower.take()).toEqual({ cursor, kind: 'TASK_CREATED', subjectId: id })
    }
    // Without signals each would take half a second on average.
    expect(performance.now() - begun).toBeLessThan(3000)
    await follower.stop()
  })

  test('a cursor that one gave the other goes on from, though it has not read that far itself', async () => {
    for (let i = 0; i < 10; i++) {
      const { cursor } = await create()
      const follower = await b.follow(EVENTS, { after: cursor }, user)
      const next = await create()
      expect(await follower.take()).toMatchObject({ cursor: next.cursor })
      await follower.stop()
    }
  })

  test('a stream that is appended to on one is followed on the other', async () => {
    const { stream, producerToken } = await a.does(OPEN, {}, user)
    const follower = await b.follow(CHUNKS, { id: stream.id }, user)
    const begun = performance.now()
    let text = ''
    for (let seq = -1; seq < 9; seq++) {
      await a.does(APPEND, { input: { id: stream.id, producerToken, afterSeq: seq, chunks: [{ content: `${seq} ` }] } }, user)
      const updates = await follower.until((update) => update.lastSeq === seq + 1)
      text += updates.map((update) => update.text).join('')
    }
    expect(text).toBe('-1 0 1 2 3 4 5 6 7 8 ')
    expect(performance.now() - begun).toBeLessThan(3000)
    await follower.stop()
  })

  test('a task that runs on one is cancelled on the other, within a second', async () => {
    const { task } = await b.does(CREATE, { input: { type: 'test.held' } }, user)
    await held.run(task.id)
    const follower = await b.follow(TASK, { id: task.id }, user)
    const begun = performance.now()
    const cancelled = await b.does(CANCEL, { id: task.id }, user)
    expect(cancelled.task.status).toBe('CANCELLED')
    await follower.until((event) => event.toStatus === 'CANCELLED')
    expect(performance.now() - begun).toBeLessThan(1000)
    await follower.stop()
  })

  test('subscribers miss nothing when their server’s listening connection is killed while the other writes', async () => {
    const events = await b.follow(EVENTS, {}, user)
    const { stream, producerToken } = await a.does(OPEN, {}, user)
    const chunks = await b.follow(CHUNKS, { id: stream.id }, user)
    const created: string[] = []
    let killed = 0
    for (let i = 0; i < 30; i++) {
      if (i % 10 === 5) {
        const { rows } = await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdfast listen'`,
        )
        killed += rows.length
      }
      created.push((await create()).id)
      await a.does(APPEND, { input: { id: stream.id, producerToken, afterSeq: i - 1, chunks: [{ content: 'x' }] } }, user)
    }
    expect(killed).toBeGreaterThanOrEqual(2)
    const last = created[created.length - 1]
    const told = (await events.until((event) => event.subjectId === last)).filter((event) => event.kind === 'TASK_CREATED').map((event) => event.subjectId)
    expect(told).toEqual(created)
    const updates = await chunks.until((update) => update.lastSeq === 29)
    expect(updates.map((update) => update.text).join('')).toBe('x'.repeat(30))
    await events.stop()
    await chunks.stop()
  })
})

describe.runIf(hasPostgres)('a server that dies', () => {
  let front: World
  let heir: World | undefined
  let dying: ServerProcess | undefined
  let target: Server
  let asked = 0
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-dying-'))

  beforeAll(async () => {
    // The first call is never answered, so that the task still runs when its server dies.
    target = createServer((_request, response) => ++asked > 1 && response.end('done'))
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
    front = await openWorld('postgresql', { env: { TASK_CONCURRENCY: '0' } })
  })
  afterAll(async () => {
    await dying?.kill()
    await heir?.close()
    await front.close()
    target.closeAllConnections()
    target.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('leaves its tasks to another one, which begins a new attempt when the lease has run out', { timeout: 60_000 }, async () => {
    const port = (target.address() as AddressInfo).port
    const env = { HTTP_REQUEST_ALLOWED_HOSTS: `127.0.0.1:${port}`, HOLDFAST_SECRET: SECRET }
    const user = await front.user()
    const { task } = await front.does(CREATE, { input: { type: 'http.request', params: { url: `http://127.0.0.1:${port}/` } } }, user)
    const follower = await front.follow(TASK, { id: task.id }, user)
    dying = ServerProcess.launch({ ...env, DATABASE_URL: front.url, DATA_DIR: folder })
    await dying.ready
    await follower.until((event) => event.kind === 'STARTED')
    await expect.poll(() => asked, { timeout: 10_000 }).toBe(1)
    heir = await openWorld('postgresql', { url: front.url, env })
    await dying.kill()
    const died = performance.now()
    const events = await follower.until((event) => event.toStatus === 'COMPLETED')
    expect(events.map((event) => event.kind)).toEqual(['LEASE_LOST', 'STARTED', 'COMPLETED'])
    expect(events[events.length - 1].task.attempt).toBe(2)
    expect(performance.now() - died).toBeLessThan(15_000)
    await follower.stop()
  })
})
