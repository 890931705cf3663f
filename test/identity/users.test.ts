import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { apiKey, bare, kindsOf, payloadOf, refusalOf, UPDATE, VIEWER } from './account.ts'

const USER = 'query ($id: ID!) { user(id: $id) { id email } node(id: $id) { id } nodes(ids: [$id]) { id } }'
const USERS = `query ($filter: UserFilter, $orderBy: [UserOrder!], $first: Int) {
  users(filter: $filter, orderBy: $orderBy, first: $first) { nodes { id email displayName role } totalCount } }`

describe.each(dialects())('users on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let user: TestUser
  let other: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    admin = await world.user('admin')
    user = await world.user('ada')
    other = await world.user('grace')
  })
  afterAll(() => world.close())

  const row = (who: TestUser) => world.client.user.findUniqueOrThrow({ where: { id: bare(who.id) } })

  it('see themselves, and nobody else', async () => {
    const { data } = await world.ask(USER, { id: user.id }, user)
    expect(data).toEqual({ user: { id: user.id, email: user.email }, node: { id: user.id }, nodes: [{ id: user.id }] })
    const absent = { user: null, node: null, nodes: [null] }
    for (const id of [other.id, `User:${newId()}`, `Task:${newId()}`]) expect((await world.ask(USER, { id }, user)).data).toEqual(absent)
    expect((await world.ask(USER, { id: user.id }, admin)).data.user.email).toBe(user.email)
    expect((await world.ask(USER, { id: 'nonsense' }, user)).errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
  })

  it('strangers see none', async () => {
    const { data, errors } = await world.ask('query ($id: ID!) { viewer { id } node(id: $id) { id } user(id: $id) { id } }', { id: user.id })
    expect(data).toEqual({ viewer: null, node: null, user: null })
    expect(errors!.map((error) => [error.path, error.extensions.code])).toEqual([[['user'], 'UNAUTHENTICATED']])
  })

  it('a key needs ACCOUNT_READ to read the account', async () => {
    const reader = await apiKey(world, user, ['ACCOUNT_READ'])
    expect((await world.ask(VIEWER, {}, reader)).data.viewer.email).toBe(user.email)
    const worker = await apiKey(world, user, ['TASKS_WORK', 'ACCOUNT_WRITE'])
    for (const query of [VIEWER, '{ sessions { totalCount } }', '{ apiKeys { totalCount } }', `{ user(id: "${user.id}") { id } }`])
      expect(await refusalOf(world, worker, query)).toBe('FORBIDDEN')
    // What it changes it may name, but not read.
    const update = (fields: string) => `mutation { userUpdate(input: { displayName: "ada" }) { user { id ${fields} } userErrors { code } } }`
    expect((await world.ask(update('displayName role'), {}, worker)).data.userUpdate.user).toEqual({ id: user.id, displayName: 'ada', role: 'USER' })
    for (const field of ['email', 'preferences']) expect(await refusalOf(world, worker, update(field))).toBe('FORBIDDEN')
  })

  it('are listed for ADMINs alone', async () => {
    expect(await refusalOf(world, user, '{ users { totalCount } }')).toBe('FORBIDDEN')
    expect((await world.ask('{ users { totalCount } }')).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
    expect(await refusalOf(world, await apiKey(world, admin, ['TASKS_READ']), '{ users { totalCount } }')).toBe('FORBIDDEN')
    const { data } = await world.ask(USERS, {}, admin)
    expect(data.users.totalCount).toBe(3)
    expect(data.users.nodes.map((node: { id: string }) => node.id)).toEqual([other.id, user.id, admin.id])
  })

  it('can be filtered and ordered', async () => {
    const emails = async (filter: object, orderBy: object[] = [{ field: 'EMAIL' }]) =>
      (await world.ask(USERS, { filter, orderBy }, admin)).data.users.nodes.map((node: { email: string }) => node.email)
    expect(await emails({})).toEqual([user.email, admin.email, other.email].sort())
    expect(await emails({ email: { eq: user.email.toUpperCase() } })).toEqual([user.email])
    expect(await emails({ role: { in: ['ADMIN'] } })).toEqual([admin.email])
    expect(await emails({ role: { eq: 'USER' } }, [{ field: 'DISPLAY_NAME', direction: 'DESC' }])).toEqual([other.email, user.email])
    expect(await emails({ not: { role: { eq: 'USER' } }, disabledAt: { isNull: true } })).toEqual([admin.email])
    expect(await emails({ createdAt: { lt: '2020-01-01T00:00:00Z' } })).toEqual([])
  })

  describe('userUpdate', () => {
    it('changes what is given, leaves the rest, and tells what was before', async () => {
      const before = await row(user)
      const told = (await kindsOf(world, user.id)).length - 1
      expect((await payloadOf(world, UPDATE, { displayName: 'Countess' }, user)).user).toMatchObject({ displayName: 'Countess', preferences: {} })
      const preferences = { theme: 'dark', list: [1, null, 'ä'], nested: { a: true } }
      expect((await payloadOf(world, UPDATE, { preferences }, user)).user).toMatchObject({ displayName: 'Countess', preferences })
      expect((await payloadOf(world, UPDATE, { preferences: {} }, user)).user.preferences).toEqual({})
      expect((await row(user)).updatedAtMs).toBeGreaterThan(before.updatedAtMs)
      const events = await world.client.event.findMany({ where: { subjectId: bare(user.id), kind: 'USER_UPDATED' }, orderBy: { position: 'asc' }, skip: told })
      expect(events).toHaveLength(3)
      const event = events[0]!
      expect(event).toMatchObject({
        ownerId: bare(user.id),
        actorId: bare(user.id),
        data: { displayName: 'Countess', before: { displayName: before.displayName } },
      })
    })

    it.each([
      [{}, []],
      [{ displayName: '' }, ['displayName']],
      [{ displayName: 'x'.repeat(101) }, ['displayName']],
      [{ preferences: 'text' }, ['preferences']],
      [{ preferences: [1] }, ['preferences']],
      [{ preferences: { a: 'x'.repeat(17_000) } }, ['preferences']],
    ])('refuses %j', async (input, path) => {
      const before = await row(user)
      expect(await payloadOf(world, UPDATE, input, user)).toMatchObject({ user: null, userErrors: [{ code: 'BAD_USER_INPUT', path: ['input', ...path] }] })
      expect(await row(user)).toEqual(before)
    })

    it('nobody but an ADMIN changes another', async () => {
      const before = await row(other)
      for (const id of [other.id, `User:${newId()}`, `Task:${newId()}`])
        expect(await payloadOf(world, UPDATE, { id, displayName: 'Mine' }, user)).toMatchObject({
          user: null,
          userErrors: [{ code: 'NOT_FOUND', path: ['input', 'id'] }],
        })
      expect(await row(other)).toEqual(before)
      expect((await payloadOf(world, UPDATE, { id: other.id, displayName: 'Admiral' }, admin)).user.displayName).toBe('Admiral')
      expect((await payloadOf(world, UPDATE, { id: user.id, displayName: 'Self' }, user)).user.displayName).toBe('Self')
      expect(await payloadOf(world, UPDATE, { id: `User:${newId()}`, displayName: 'X' }, admin)).toMatchObject({ userErrors: [{ code: 'NOT_FOUND' }] })
      await expect(payloadOf(world, UPDATE, { displayName: 'X' })).rejects.toThrow('UNAUTHENTICATED')
    })

    it('of two changes at once none is lost', async () => {
      await Promise.all([payloadOf(world, UPDATE, { displayName: 'Both' }, user), payloadOf(world, UPDATE, { preferences: { both: true } }, user)])
      expect(await row(user)).toMatchObject({ displayName: 'Both', preferences: { both: true } })
    })
  })
})
