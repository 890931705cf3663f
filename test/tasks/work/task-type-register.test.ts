import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outsideTypeFor } from '../../../src/tasks/outside-type.ts'
import { dialects } from '../../kit/databases.ts'
import { bare, CREATE, openTaskWorld, type TaskWorld } from '../task.ts'
import { claim, keyOf, REGISTER, REMOVE } from './work.ts'

const TYPES =
  '{ taskTypes { name description paramsSchema isBuiltIn audience hasWorker lastClaimedAt maxAttempts timeoutSeconds rateLimit rateSeconds owner { id } } }'

describe.each(dialects())('taskTypeRegister on %s', (dialect) => {
  let on: TaskWorld
  let key: string
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    key = await keyOf(on.world, on.ada)
  })
  afterAll(() => on.world.close())

  const register = async (input: object, by: Parameters<typeof claim>[1] = key) => (await on.world.does(REGISTER, { input }, by)).taskType
  const refused = (input: object, by: Parameters<typeof claim>[1] = key) => on.world.refused(REGISTER, { input }, by)
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
  const types = async (user = on.ada): Promise<any[]> => (await on.world.ask(TYPES, {}, user)).data.taskTypes
  const typeOf = async (name: string, user = on.ada) => (await types(user)).find((type) => type.name === name)
  const create = (input: object, user = on.ada) => on.world.refused(CREATE, { input }, user)

  it('makes a type known whose tasks can then be created, with what it says of them', async () => {
    const schema = { type: 'object', properties: { url: { type: 'string', format: 'uri' } }, required: ['url'] }
    expect(
      await register({
        name: 'crawl.page',
        description: 'Reads a page.',
        paramsSchema: schema,
        maxAttempts: 5,
        timeoutSeconds: 60,
        retryPolicy: { initialSeconds: 7 },
        rateLimit: 10,
        rateSeconds: 1,
      }),
    ).toEqual({
      name: 'crawl.page',
      description: 'Reads a page.',
      paramsSchema: schema,
      isBuiltIn: false,
      audience: 'OWNER',
      hasWorker: false,
      lastClaimedAt: null,
      registeredAt: expect.any(String),
      maxAttempts: 5,
      timeoutSeconds: 60,
      retryPolicy: { initialSeconds: 7 },
      rateLimit: 10,
      rateSeconds: 1,
      owner: { id: on.ada.id },
    })
    const payload = await on.world.does(CREATE, { input: { type: 'crawl.page', params: { url: 'https://example.com' } } }, on.ada)
    expect(payload.task).toMatchObject({ type: 'crawl.page', status: 'QUEUED', params: { url: 'https://example.com' }, maxAttempts: 5, timeoutSeconds: 60 })
  })

  it('lets tasks be refused by its schema, every fault with its place, and nothing is created', async () => {
    const before = await on.world.client.task.count()
    await register({ name: 'strict', paramsSchema: { properties: { depth: { type: 'integer' } }, required: ['url'], additionalProperties: false } })
    expect(await create({ type: 'strict', params: { depth: 'x', more: 1 } })).toEqual([
      { code: 'BAD_USER_INPUT', path: ['input', 'params', 'url'], message: 'Is needed.' },
      { code: 'BAD_USER_INPUT', path: ['input', 'params', 'depth'], message: 'Type "string" is invalid. Expected "integer".' },
      { code: 'BAD_USER_INPUT', path: ['input', 'params', 'more'], message: 'Is not allowed here.' },
    ])
    expect(await on.world.client.task.count()).toBe(before)
  })

  it('said again is the type anew, what is left out is taken away; said the same again changes nothing', async () => {
    const events = () => on.world.client.event.count({ where: { kind: 'TASK_TYPE_REGISTERED' } })
    await register({ name: 'again', description: 'First.', paramsSchema: { required: ['a'] }, maxAttempts: 2 })
    const [row] = await on.world.client.outsideTaskType.findMany({ where: { name: 'again' } })
    const told = await events()
    await register({ name: 'again', description: 'First.', paramsSchema: { required: ['a'] }, maxAttempts: 2 })
    expect(await events()).toBe(told)
    expect(await create({ type: 'again' })).toMatchObject([{ path: ['input', 'params', 'a'] }])
    expect(await register({ name: 'again' })).toMatchObject({ description: null, paramsSchema: null, maxAttempts: null })
    expect(await events()).toBe(told + 1)
    expect(await create({ type: 'again' })).toEqual([])
    expect(await on.world.client.outsideTaskType.findMany({ where: { name: 'again' } })).toMatchObject([{ id: row!.id, createdAtMs: row!.createdAtMs }])
  })

  it('by many at once makes one', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, i) => register({ name: 'many', description: `by ${i}` })))
    expect(await on.world.client.outsideTaskType.count({ where: { name: 'many' } })).toBe(1)
  })

  it('by a user is for that user alone, by an ADMIN for everybody; one’s own goes first', async () => {
    await register({ name: 'mine' })
    expect(await typeOf('mine', on.bob)).toBeUndefined()
    const [unknown] = await create({ type: 'mine' }, on.bob)
    expect(unknown).toMatchObject({ code: 'UNKNOWN_TASK_TYPE', path: ['input', 'type'] })
    expect(unknown!.message).toMatch(/^There is no task type "mine"\. Known: .*\bhttp\.request\b/)
    const [mistaken] = await create({ type: 'mien' })
    expect(mistaken!.message).toMatch(/ Known: .*\bmine\b/)

    await register({ name: 'shared', paramsSchema: { required: ['all'] } }, on.admin)
    expect(await typeOf('shared', on.bob)).toMatchObject({ audience: 'EVERYBODY', owner: null })
    expect(await create({ type: 'shared' }, on.bob)).toMatchObject([{ path: ['input', 'params', 'all'] }])
    await register({ name: 'shared', paramsSchema: { required: ['ada'] } })
    expect(await typeOf('shared')).toMatchObject({ audience: 'OWNER', paramsSchema: { required: ['ada'] }, owner: { id: on.ada.id } })
    expect(await create({ type: 'shared' })).toMatchObject([{ path: ['input', 'params', 'ada'] }])
    expect(await create({ type: 'shared' }, on.bob)).toMatchObject([{ path: ['input', 'params', 'all'] }])
  })

  it('is listed among the types of the server, by name, which are built in', async () => {
    const all = await types()
    expect(all.map(({ name }) => name)).toEqual(all.map(({ name }) => name).sort())
    expect(all.find(({ name }) => name === 'test.held')).toMatchObject({
      isBuiltIn: true,
      audience: 'EVERYBODY',
      hasWorker: null,
      owner: null,
      paramsSchema: { type: 'object' },
    })
  })

  it('is renewed by asking for its tasks: one sees that it has a worker, and when that asked last', async () => {
    await register({ name: 'watched' })
    await register({ name: 'watched' }, on.bob)
    expect(await typeOf('watched')).toMatchObject({ hasWorker: false, lastClaimedAt: null })
    expect(await claim(on.world, key, { types: ['watched'] })).toEqual([])
    expect(await typeOf('watched')).toMatchObject({ hasWorker: true, lastClaimedAt: expect.any(String) })
    expect(await typeOf('watched', on.bob)).toMatchObject({ hasWorker: false })
    const { lastClaimedAt } = await typeOf('watched')
    await claim(on.world, key, { types: ['watched'] })
    expect((await typeOf('watched')).lastClaimedAt).toBe(lastClaimedAt)

    const aged = () => on.world.client.$executeRaw`UPDATE "OutsideTaskType" SET "lastClaimedAtMs" = "lastClaimedAtMs" - 61000 WHERE "name" = 'watched'`
    await aged()
    expect(await typeOf('watched')).toMatchObject({ hasWorker: false })
    await claim(on.world, await keyOf(on.world, on.admin), { types: ['watched'] })
    expect(await typeOf('watched')).toMatchObject({ hasWorker: true })
    expect(await typeOf('watched', on.bob)).toMatchObject({ hasWorker: true })
  })

  it.each([
    ['the name of a built-in type', { name: 'test.held' }, 'TASK_TYPE_BUILT_IN', ['name']],
    ['an empty name', { name: '' }, 'BAD_USER_INPUT', ['name']],
    ['a name that begins with a digit', { name: '9lives' }, 'BAD_USER_INPUT', ['name']],
    ['a name with other signs', { name: 'a@b' }, 'BAD_USER_INPUT', ['name']],
    ['a long name', { name: `a${'b'.repeat(100)}` }, 'BAD_USER_INPUT', ['name']],
    ['a long description', { name: 'x', description: 'y'.repeat(2001) }, 'BAD_USER_INPUT', ['description']],
    ['no attempt', { name: 'x', maxAttempts: 0 }, 'BAD_USER_INPUT', ['maxAttempts']],
    ['more than a week', { name: 'x', timeoutSeconds: 604_801 }, 'BAD_USER_INPUT', ['timeoutSeconds']],
    ['a pause that shrinks', { name: 'x', retryPolicy: { factor: 0.5 } }, 'BAD_USER_INPUT', ['retryPolicy', 'factor']],
    ['half a rate', { name: 'x', rateLimit: 1 }, 'BAD_USER_INPUT', ['rateSeconds']],
    ['a rate of nothing', { name: 'x', rateLimit: 0, rateSeconds: 1 }, 'BAD_USER_INPUT', ['rateLimit']],
    ['a text as schema', { name: 'x', paramsSchema: 'text' }, 'BAD_USER_INPUT', ['paramsSchema']],
    ['a schema from elsewhere', { name: 'x', paramsSchema: { $ref: 'https://example.com' } }, 'BAD_USER_INPUT', ['paramsSchema', '$ref']],
    ['a schema without end', { name: 'x', paramsSchema: { $ref: '#' } }, 'BAD_USER_INPUT', ['paramsSchema']],
    ['a bad pattern', { name: 'x', paramsSchema: { properties: { a: { pattern: '(' } } } }, 'BAD_USER_INPUT', ['paramsSchema', 'properties', 'a', 'pattern']],
  ])('refuses %s, and nothing is changed', async (_what, input, code, path) => {
    const before = await on.world.client.outsideTaskType.findMany({ orderBy: { id: 'asc' } })
    expect(await refused(input)).toMatchObject([{ code, path: ['input', ...path] }])
    expect(await on.world.client.outsideTaskType.findMany({ orderBy: { id: 'asc' } })).toEqual(before)
  })

  it('needs the scope TASKS_WORK', async () => {
    const reader = await keyOf(on.world, on.ada, ['TASKS_READ', 'TASKS_WRITE'])
    for (const by of [reader, null]) {
      const answer = await on.world.ask(REGISTER, { input: { name: 'sneaky' } }, by)
      expect(answer.errors).toMatchObject([{ extensions: { code: by ? 'FORBIDDEN' : 'UNAUTHENTICATED' } }])
    }
    expect(await on.world.client.outsideTaskType.count({ where: { name: 'sneaky' } })).toBe(0)
  })

  it('is limited for each owner, and one may still change what one has', async () => {
    const many = await on.world.user('many')
    const ownerId = bare(many.id)
    await on.world.client.outsideTaskType.createMany({
      data: Array.from({ length: 500 }, (_, i) => ({ id: `limit-${dialect}-${i}`, ownerId, name: `t${i}`, createdAtMs: 1n, updatedAtMs: 1n })),
    })
    expect(await refused({ name: 'one.more' }, many)).toMatchObject([{ code: 'TASK_TYPE_LIMIT', path: ['input', 'name'] }])
    expect(await register({ name: 't7', description: 'Changed.' }, many)).toMatchObject({ description: 'Changed.' })
    await on.world.does(REMOVE, { input: { name: 't8' } }, many)
    expect(await register({ name: 'one.more' }, many)).toMatchObject({ name: 'one.more' })
  })

  it('checks each schema as it is now, whichever server changed it', async () => {
    const { transact } = await import('../../../src/events/transact.ts')
    const actor = { kind: 'apiKey', apiKeyId: '', scopes: [], expiresAtMs: null, userId: bare(on.ada.id), role: 'USER' } as const
    const look = () => transact(on.world.app.store, actor, (work) => outsideTypeFor(work, 'changing'))
    await register({ name: 'changing', paramsSchema: { required: ['a'] } })
    expect((await look()).result!.check({})).toMatchObject([{ path: ['a'] }])
    for (const field of ['b', 'c', 'd']) {
      await register({ name: 'changing', paramsSchema: { required: [field] } })
      expect((await look()).result!.check({})).toMatchObject([{ path: [field] }])
    }
  })

  describe('taskTypeRemove', () => {
    it('forgets the type; tasks that wait go on waiting, and no more can be made', async () => {
      await register({ name: 'gone' })
      const { task } = await on.world.does(CREATE, { input: { type: 'gone' } }, on.ada)
      expect(await on.world.does(REMOVE, { input: { name: 'gone' } }, key)).toMatchObject({ removedName: 'gone' })
      expect(await create({ type: 'gone' })).toMatchObject([{ code: 'UNKNOWN_TASK_TYPE' }])
      expect(
        await on.world.refused(
          'mutation ($input: TaskClaimInput!) { taskClaim(input: $input) { userErrors { code path } } }',
          { input: { types: ['gone'] } },
          key,
        ),
      ).toEqual([{ code: 'UNKNOWN_TASK_TYPE', path: ['input', 'types', '0'] }])
      await register({ name: 'gone' })
      expect(await claim(on.world, key, { types: ['gone'] })).toMatchObject([{ task: { id: task.id } }])
    })

    it('takes away only one’s own, an ADMIN anybody’s', async () => {
      await register({ name: 'kept' })
      const refusedFor = (input: object, by: Parameters<typeof claim>[1]) => on.world.refused(REMOVE, { input }, by)
      const missing = [{ code: 'NOT_FOUND', path: ['input', 'name'], message: 'Task type not found.' }]
      expect(await refusedFor({ name: 'kept' }, on.bob)).toEqual(missing)
      expect(await refusedFor({ name: 'kept', ownerId: on.ada.id }, on.bob)).toEqual(missing)
      expect(await refusedFor({ name: 'nobody’s' }, on.ada)).toEqual(missing)
      expect(await typeOf('kept')).toBeDefined()
      await on.world.does(REMOVE, { input: { name: 'kept', ownerId: on.ada.id } }, on.admin)
      expect(await typeOf('kept')).toBeUndefined()
    })
  })
})
