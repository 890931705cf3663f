/** What is cut from the log is told, never skipped. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { CursorExpired } from '../../src/core/errors.ts'
import { openDatabase } from '../../src/db/database.ts'
import { follow } from '../../src/events/live.ts'
import { type LoggedEvent, readHead, renewLog, toCursor } from '../../src/events/log.ts'
import { eventsExpire } from '../../src/events/retention.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { transact } from '../../src/events/transact.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { HeldTasks } from '../kit/task-types.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

const DAY_MS = 86_400_000
const CREATE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } eventCursor userErrors { code message } } }`
const EVENTS = `query ($after: String, $before: String, $first: Int, $last: Int) { events(after: $after, before: $before, first: $first, last: $last) { nodes { kind } pageInfo { hasNextPage } } }`
const FOLLOW = [
  ['events', `subscription ($after: Cursor) { events(after: $after) { cursor kind } }`],
  ['tasksUpdated', `subscription ($after: Cursor) { tasksUpdated(after: $after) { cursor kind } }`],
  ['taskUpdated', `subscription ($after: Cursor, $id: ID!) { taskUpdated(after: $after, id: $id) { cursor kind } }`],
] as const

describe.each(dialects())('the retained log on %s', (dialect) => {
  let world: World
  let user: TestUser

  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' }, extend: new HeldTasks().register })
    user = await world.user()
  })
  afterAll(() => world.close())

  const { create, age, codeOf } = {
    create: async () => world.does(CREATE, { input: { type: 'test.held', runImmediately: false } }, user),
    /** Makes the events up to a cursor this much older. */
    age: async (cursor: string, ms: number) => {
      const through = Number(cursor.split('.')[1])
      await world.client.$executeRaw`UPDATE "Event" SET "occurredAtMs" = "occurredAtMs" - CAST(${ms} AS BIGINT) WHERE "position" <= CAST(${through} AS BIGINT)`
    },
    codeOf: (answer: { errors?: { extensions: { code: string } }[] }) => answer.errors?.[0]?.extensions.code,
  }

  const subscribed = async (query: string, variables: Record<string, unknown>) => {
    const follower = await world.follow(query, variables, user)
    const step = await follower.next()
    await follower.stop()
    return codeOf(step.value)
  }

  test('is cut by age: what is younger stays, and can be read from where the cut was made', async () => {
    const first = await create()
    const second = await create()
    const third = await create()
    await age(second.eventCursor, 31 * DAY_MS)
    await age(first.eventCursor, DAY_MS)
    expect(await eventsExpire(world.app.store, 30)).toBe(Number(second.eventCursor.split('.')[1]))
    expect(await eventsExpire(world.app.store, 30)).toBe(0)
    const after = await world.ask(EVENTS, { after: second.eventCursor }, user)
    expect(after.data.events.nodes).toEqual([{ kind: 'TASK_CREATED' }])
    expect((await world.ask(EVENTS, {}, user)).data.events.nodes).toEqual([{ kind: 'TASK_CREATED' }])
    expect((await readHead(world.app.store.database)).position).toBe(Number(third.eventCursor.split('.')[1]))
  })

  test('tells CURSOR_EXPIRED to whoever comes with an older cursor, wherever it is handed in', async () => {
    const old = await create()
    const cut = await create()
    await age(cut.eventCursor, 31 * DAY_MS)
    await eventsExpire(world.app.store, 30)
    expect(codeOf(await world.ask(EVENTS, { after: old.eventCursor }, user))).toBe('CURSOR_EXPIRED')
    expect(codeOf(await world.ask(EVENTS, { before: old.eventCursor, last: 3 }, user))).toBe('CURSOR_EXPIRED')
    for (const [name, query] of FOLLOW) expect([name, await subscribed(query, { after: old.eventCursor, id: old.task.id })]).toEqual([name, 'CURSOR_EXPIRED'])
  })

  test('goes on from a cursor exactly at the cut', async () => {
    const cut = await create()
    await age(cut.eventCursor, 31 * DAY_MS)
    await eventsExpire(world.app.store, 30)
    const follower = await world.follow(FOLLOW[0][1], { after: cut.eventCursor }, user)
    const next = await create()
    expect(await follower.take()).toEqual({ cursor: next.eventCursor, kind: 'TASK_CREATED' })
    await follower.stop()
  })

  test('refuses cursors of another log, beyond its end, and what is no cursor', async () => {
    const { eventCursor, task } = await create()
    const position = eventCursor.split('.')[1]
    const wrong = {
      [`000000000000.${position}`]: 'CURSOR_EXPIRED',
      [`${eventCursor}0`]: 'CURSOR_EXPIRED',
      nonsense: 'BAD_USER_INPUT',
      [`${eventCursor}x`]: 'BAD_USER_INPUT',
    }
    for (const [after, code] of Object.entries(wrong)) {
      expect([after, codeOf(await world.ask(EVENTS, { after }, user))]).toEqual([after, code])
      for (const [name, query] of FOLLOW) expect([name, after, await subscribed(query, { after, id: task.id })]).toEqual([name, after, code])
    }
  })

  test('that was brought back from a backup is another log: cursors from before expire, and who follows is told', async () => {
    const { eventCursor, task } = await create()
    const follower = await world.follow(FOLLOW[0][1], { after: eventCursor }, user)
    const told = follower.next()
    await renewLog(world.app.store.database)
    expect(codeOf((await told).value)).toBe('CURSOR_EXPIRED')
    expect(codeOf(await world.ask(EVENTS, { after: eventCursor }, user))).toBe('CURSOR_EXPIRED')
    for (const [name, query] of FOLLOW) expect([name, await subscribed(query, { after: eventCursor, id: task.id })]).toEqual([name, 'CURSOR_EXPIRED'])
    const fresh = (await world.ask('{ eventCursor }', {}, user)).data.eventCursor
    const again = await world.follow(FOLLOW[0][1], { after: fresh }, user)
    expect((await create()).eventCursor).toBe((await again.take()).cursor)
    await again.stop()
  })
})

describe.each(dialects())('a reader that is behind when the log is cut, on %s', (dialect) => {
  let scratch: ScratchDatabase
  let store: Store

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    store = await openStore(await openDatabase({ url: scratch.url }), { warn: () => {}, tail: { ring: 4, page: 2 } })
  })
  afterAll(async () => {
    await store.close()
    await scratch.drop()
  })

  const write = (count: number, quietly = false) =>
    transact({ ...store, logId: store.logId, signals: quietly ? { ...store.signals, send: () => {} } : store.signals }, server, async ({ events }) => {
      for (let i = 0; i < count; i++) events.push({ kind: 'TEST', subjectType: 'Test', subjectId: `${i}`, ownerId: null })
    })
  const cutAll = async () => {
    await store.database.client.$executeRaw`UPDATE "Event" SET "occurredAtMs" = 0`
    await eventsExpire(store, 30)
  }

  test('gets what it has already been handed, and is then told CURSOR_EXPIRED', async () => {
    const { position: start } = await readHead(store.database)
    await write(10)
    const reader = follow(store, start, {}, new AbortController().signal)
    expect((await reader.next()).value).toMatchObject({ position: start + 1 })
    await cutAll()
    const seen: number[] = []
    await expect(
      (async () => {
        for await (const event of reader) seen.push(event.position)
      })(),
    ).rejects.toThrow(CursorExpired)
    expect(seen).toEqual(seen.map((_, i) => start + 2 + i))
    expect(seen.length).toBeLessThan(4)
  })

  test('is told though its server has not read what was cut either, and others go on', async () => {
    const { tail } = store
    await tail.look()
    const start = tail.position
    const waiting = follow(store, start, {}, new AbortController().signal)
    const step = waiting.next()
    // Nobody looks meanwhile, and another server writes: as in a process that stood still.
    const { look, offer } = tail
    tail.look = async () => {}
    tail.offer = () => false
    await write(3)
    await cutAll()
    await write(2)
    tail.look = look
    tail.offer = offer
    await tail.look()
    await expect(step).rejects.toThrow(CursorExpired)
    const fresh: LoggedEvent[] = []
    for await (const event of follow(store, start + 3, {}, new AbortController().signal)) if (fresh.push(event) === 2) break
    expect(fresh.map((event) => event.position)).toEqual([start + 4, start + 5])
    expect(tail.since(start)).toBeNull()
    expect(toCursor(store.logId, start)).toMatch(/^[0-9a-f]{12}\.\d+$/)
  })

  test('who waits for another subject is not woken, and still goes on from the right place', async () => {
    await store.tail.look()
    const ending = new AbortController()
    const reader = follow(store, store.tail.position, { subjectId: 'wanted' }, ending.signal)
    const step = reader.next()
    await write(9)
    await write(1)
    await transact(store, server, async ({ events }) => void events.push({ kind: 'TEST', subjectType: 'Test', subjectId: 'wanted', ownerId: null }))
    expect((await step).value).toMatchObject({ subjectId: 'wanted' })
    ending.abort()
    expect((await reader.next()).done).toBe(true)
  })

  test('ends when its server closes', async () => {
    const other = await openStore({ ...store.database, close: async () => {} }, { warn: () => {} })
    const reader = follow(other, other.tail.position, {}, new AbortController().signal)
    const step = reader.next()
    await other.close()
    expect((await step).done).toBe(true)
  })
})
