/** The log through the API: pages, subscriptions, cursors, resuming. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { HeldTasks } from '../kit/task-types.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

const CREATE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } eventCursor userErrors { code message } } }`
const UPDATE = `mutation ($input: TaskUpdateInput!) { taskUpdate(input: $input) { task { id } eventCursor userErrors { code message } } }`
const PAGE = `query ($filter: EventFilter, $first: Int, $last: Int, $after: String, $before: String) {
  events(filter: $filter, first: $first, last: $last, after: $after, before: $before) {
    edges { cursor node { cursor kind subjectId occurredAt actor { id } data subject { id } } } nodes { kind }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }`
const EVENTS = `subscription ($after: Cursor, $filter: EventFilter) { events(after: $after, filter: $filter) { cursor kind subjectId } }`
const TASK = `subscription ($id: ID!, $after: Cursor) { taskUpdated(id: $id, after: $after) { cursor kind task { priority } } }`
const TASKS = `subscription ($after: Cursor) { tasksUpdated(after: $after) { cursor kind taskId } }`

describe.each(dialects())('the log of changes on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let ann: TestUser
  let bob: TestUser

  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' }, extend: new HeldTasks().register })
    admin = await world.user('admin')
    ann = await world.user('ann')
    bob = await world.user('bob')
  })
  afterAll(() => world.close())

  const create = async (user: TestUser): Promise<{ id: string; cursor: string }> => {
    const { task, eventCursor } = await world.does(CREATE, { input: { type: 'test.held', runImmediately: false } }, user)
    return { id: task.id, cursor: eventCursor }
  }
  const prioritize = (id: string, priority: number, user: TestUser) => world.does(UPDATE, { input: { id, priority } }, user)
  const page = async (variables: object, user: TestUser) => {
    const answer = await world.ask(PAGE, variables as Record<string, unknown>, user)
    if (answer.errors) throw new Error(answer.errors[0]!.message)
    return answer.data.events
  }
  const position = (cursor: string) => Number(cursor.split('.')[1])

  test('tells who did what to what, and when', async () => {
    const { id, cursor } = await create(ann)
    const { edges } = await page({ last: 1 }, ann)
    expect(edges).toEqual([
      {
        cursor,
        node: {
          cursor,
          kind: 'TASK_CREATED',
          subjectId: id,
          occurredAt: expect.stringMatching(/^\d{4}-.*Z$/),
          actor: { id: ann.id },
          data: expect.objectContaining({ status: 'CREATED' }),
          subject: { id },
        },
      },
    ])
  })

  test('is read page by page, forwards and backwards, the same events', async () => {
    const tasks = [await create(ann), await create(ann), await create(ann), await create(ann), await create(ann)]
    const filter = { subjectId: tasks.map((task) => task.id) }
    const forwards: string[] = []
    let after: string | null = null
    for (;;) {
      const { edges, pageInfo, totalCount } = await page({ filter, first: 2, after }, ann)
      forwards.push(...edges.map((edge: { cursor: string }) => edge.cursor))
      expect(totalCount).toBe(5)
      expect(pageInfo.hasPreviousPage).toBe(after !== null)
      after = pageInfo.endCursor
      if (!pageInfo.hasNextPage) break
    }
    expect(forwards).toEqual(tasks.map((task) => task.cursor))
    const backwards: string[] = []
    let before: string | null = null
    for (;;) {
      const { edges, pageInfo } = await page({ filter, last: 2, before }, ann)
      backwards.unshift(...edges.map((edge: { cursor: string }) => edge.cursor))
      expect(pageInfo.hasNextPage).toBe(before !== null)
      before = pageInfo.startCursor
      if (!pageInfo.hasPreviousPage) break
    }
    expect(backwards).toEqual(forwards)
    const between = await page({ filter, first: 10, after: tasks[0]!.cursor, before: tasks[3]!.cursor }, ann)
    expect(between.edges.map((edge: { cursor: string }) => edge.cursor)).toEqual([tasks[1]!.cursor, tasks[2]!.cursor])
  })

  test('is filtered by kind, by subject and by its type; the id of another type matches nothing', async () => {
    const { id } = await create(ann)
    await prioritize(id, 3, ann)
    const kinds = async (filter: object) => (await page({ filter }, ann)).nodes.map((node: { kind: string }) => node.kind)
    expect(await kinds({ subjectId: [id] })).toEqual(['TASK_CREATED', 'TASK_UPDATED'])
    expect(await kinds({ subjectId: [id], kind: ['TASK_UPDATED'] })).toEqual(['TASK_UPDATED'])
    expect(await kinds({ subjectId: [id], subjectType: 'Stream' })).toEqual([])
    expect(await kinds({ subjectId: [id.replace('Task:', 'Stream:')] })).toEqual([])
    expect(await kinds({ subjectId: [] })).toEqual([])
    expect(await kinds({ kind: [] })).toEqual([])
    expect((await world.ask(PAGE, { filter: { subjectId: ['nonsense'] } }, ann)).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
    expect((await world.ask(PAGE, { filter: { kind: Array(101).fill('X') } }, ann)).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
    for (const args of [{ first: 0 }, { first: 101 }, { first: 1, last: 1 }])
      expect((await world.ask(PAGE, args, ann)).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
  })

  test('shows users their own events only, and ADMINs everybody’s', async () => {
    const { id } = await create(ann)
    const filter = { subjectId: [id] }
    expect(await page({ filter }, bob)).toMatchObject({ edges: [], totalCount: 0 })
    expect(await page({ filter }, admin)).toMatchObject({ totalCount: 1, edges: [{ node: { actor: { id: ann.id }, subject: { id } } }] })
    expect((await world.ask(PAGE, {}, null)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    const [bobs, admins] = [await world.follow(EVENTS, {}, bob), await world.follow(EVENTS, {}, admin)]
    const second = await create(ann)
    const own = await create(bob)
    expect(await bobs.take()).toMatchObject({ subjectId: own.id })
    expect([await admins.take(), await admins.take()]).toMatchObject([{ subjectId: second.id }, { subjectId: own.id }])
    await bobs.stop()
    await admins.stop()
  })

  test('is followed from a cursor on, filtered, the past first and then what comes', async () => {
    const { id, cursor } = await create(ann)
    await prioritize(id, 1, ann)
    await create(ann)
    const follower = await world.follow(EVENTS, { after: cursor, filter: { subjectId: [id], kind: ['TASK_UPDATED'] } }, ann)
    await create(ann)
    const { eventCursor } = await prioritize(id, 2, ann)
    expect((await follower.take()).kind).toBe('TASK_UPDATED')
    expect(await follower.take()).toEqual({ cursor: eventCursor, kind: 'TASK_UPDATED', subjectId: id })
    await follower.stop()
  })

  test('shows the subject as it is at each event, not as it was at the first', async () => {
    const { id, cursor } = await create(ann)
    const follower = await world.follow(
      `subscription ($after: Cursor) { events(after: $after) { subject { ... on Task { priority } } } }`,
      { after: cursor },
      ann,
    )
    for (const priority of [5, 6]) {
      await prioritize(id, priority, ann)
      expect(await follower.take()).toEqual({ subject: { priority } })
    }
    await follower.stop()
  })

  test('gives each event over SSE the cursor as its id, also where that is not asked for', async () => {
    const { cursor } = await create(ann)
    const follower = await world.follow('subscription ($after: Cursor) { tasksUpdated(after: $after) { kind } }', { after: cursor }, ann)
    const next = await create(ann)
    expect((await follower.next()).value).toMatchObject({ id: next.cursor, data: { tasksUpdated: { kind: 'CREATED' } } })
    await follower.stop()
  })

  test.each([
    ['events', EVENTS],
    ['taskUpdated', TASK],
    ['tasksUpdated', TASKS],
  ])('resumes %s by Last-Event-ID, which is newer than the `after` that the client began with', async (_name, query) => {
    const { id, cursor } = await create(ann)
    const first = await prioritize(id, 1, ann)
    const second = await prioritize(id, 2, ann)
    const follower = await world.follow(query, { id, after: cursor }, ann, { 'last-event-id': first.eventCursor })
    expect((await follower.take()).cursor).toBe(second.eventCursor)
    await follower.stop()
  })

  test('refuses a Last-Event-ID that is no cursor', async () => {
    const follower = await world.follow(EVENTS, {}, ann, { 'last-event-id': '17' })
    expect((await follower.next()).value.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
  })

  test('begins a subscription to one task with how it stands, and goes on from exactly there', async () => {
    const { id } = await create(ann)
    await prioritize(id, 1, ann)
    const follower = await world.follow(TASK, { id }, ann)
    const snapshot = await follower.take()
    expect(snapshot).toMatchObject({ kind: 'SNAPSHOT', task: { priority: 1 } })
    const { eventCursor } = await prioritize(id, 2, ann)
    expect(await follower.take()).toEqual({ cursor: eventCursor, kind: 'UPDATED', task: { priority: 2 } })
    await follower.stop()
    const resumed = await world.follow(TASK, { id, after: snapshot.cursor }, ann)
    expect(await resumed.take()).toMatchObject({ cursor: eventCursor, kind: 'UPDATED' })
    await resumed.stop()
  })

  test('gives a mutation’s payload the place right after it: what it did is before, what comes is after', async () => {
    const { id, cursor } = await create(ann)
    const { eventCursor } = await prioritize(id, 4, ann)
    expect(position(eventCursor)).toBe(position(cursor) + 1)
    expect(await page({ after: eventCursor }, ann)).toMatchObject({ edges: [] })
    const refused = await world.ask(UPDATE.replace('{ task { id }', '{'), { input: { id: id.replace(/.$/, (c) => (c === '0' ? '1' : '0')), priority: 1 } }, ann)
    expect(refused.data.taskUpdate).toMatchObject({ eventCursor, userErrors: [{ code: 'NOT_FOUND' }] })
  })

  test('and a query: its eventCursor is taken before the rest, so that list and subscription together miss nothing', async () => {
    const ROUNDS = 25
    const EACH = 4
    for (let round = 0; round < ROUNDS; round++) {
      const writing = Array.from({ length: EACH }, () => create(bob))
      const { data } = await world.ask('{ tasks(first: 100) { nodes { id } } eventCursor }', {}, bob)
      const follower = await world.follow(TASKS, { after: data.eventCursor }, bob)
      const made = (await Promise.all(writing)).map((task) => task.id)
      const last = await create(bob)
      const told = (await follower.until((event) => event.taskId === last.id)).map((event) => event.taskId)
      await follower.stop()
      const listed = new Set<string>(data.tasks.nodes.map((task: { id: string }) => task.id))
      expect(made.filter((id) => !listed.has(id) && !told.includes(id))).toEqual([])
      expect(new Set(told).size).toBe(told.length)
    }
  })
})
