import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { API_SCOPES } from '../../src/core/scopes.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { apiKey, bare, codesOf, KEY_CREATE, KEY_REVOKE, kindsOf, payloadOf, refusalOf } from './account.ts'

const KEYS = `query ($filter: ApiKeyFilter, $orderBy: [ApiKeyOrder!]) { apiKeys(filter: $filter, orderBy: $orderBy) { nodes { id name scopes } totalCount } }`

describe.each(dialects())('API keys on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let user: TestUser
  let other: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    admin = await world.user('admin')
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    user = await world.user()
    other = await world.user('other')
  })

  const create = (input: object = {}, by: string | TestUser | null = user) => payloadOf(world, KEY_CREATE, { name: 'ci', scopes: ['TASKS_READ'], ...input }, by)
  const count = () => world.client.apiKey.count()
  const soon = () => new Date(Date.now() + 3_600_000).toISOString()

  describe('apiKeyCreate', () => {
    it('answers the key and, once, its secret, of which only a digest is kept', async () => {
      const expiresAt = soon()
      const { apiKey: key, secret } = await create({ scopes: ['TASKS_READ', 'ACCOUNT_READ', 'TASKS_READ'], expiresAt })
      expect(secret).toMatch(/^hf_[\w-]{43}$/)
      expect(key).toMatchObject({
        name: 'ci',
        prefix: secret.slice(0, 10),
        scopes: ['TASKS_READ', 'ACCOUNT_READ'],
        expiresAt,
        lastUsedAt: null,
        revokedAt: null,
      })
      expect((await world.ask('{ viewer { id } }', {}, secret)).data.viewer.id).toBe(user.id)
      const row = await world.client.apiKey.findUniqueOrThrow({ where: { id: bare(key.id) } })
      const events = await world.client.event.findMany({ where: { subjectId: row.id } })
      const text = JSON.stringify([row, events], (_key, value) => (typeof value === 'bigint' ? String(value) : value))
      expect(text).not.toContain(secret)
      expect(text).not.toContain(secret.slice(11))
      expect(events).toMatchObject([{ kind: 'API_KEY_CREATED', ownerId: bare(user.id), actorId: bare(user.id) }])
    })

    it('takes every scope there is', async () => {
      const scopes = Object.keys(API_SCOPES)
      expect((await create({ scopes })).apiKey.scopes).toEqual(scopes)
    })

    it('takes an id made by the client, once', async () => {
      const id = `ApiKey:${newId()}`
      expect((await create({ id })).apiKey.id).toBe(id)
      expect(await create({ id })).toMatchObject({ apiKey: null, secret: null, userErrors: [{ code: 'ID_TAKEN', path: ['input', 'id'] }] })
    })

    it.each([
      ['name', ''],
      ['name', 'x'.repeat(101)],
      ['scopes', []],
      ['expiresAt', '2020-01-01T00:00:00Z'],
      ['expiresAt', '1999-01-01T00:00:00Z'],
      ['id', `User:${newId()}`],
    ])('refuses a bad %s: %j', async (field, value) => {
      const before = await count()
      expect(await create({ [field]: value })).toMatchObject({ apiKey: null, secret: null, userErrors: [{ code: 'BAD_USER_INPUT', path: ['input', field] }] })
      expect(await count()).toBe(before)
    })

    it('answers the same key again under the same idempotency key, without its secret', async () => {
      const input = { idempotencyKey: 'deploy', expiresAt: soon() }
      const first = await create(input)
      const second = await create(input)
      expect(second).toMatchObject({ apiKey: { id: first.apiKey.id }, secret: null, userErrors: [] })
      expect(codesOf(await create({ ...input, name: 'other' }))).toEqual(['IDEMPOTENCY_MISMATCH'])
      const others = await create(input, other)
      expect(others.apiKey.id).not.toBe(first.apiKey.id)
      expect(others.secret).not.toBeNull()
      const kept = await world.client.idempotencyKey.findMany()
      expect(JSON.stringify(kept.map((row) => row.outcome))).not.toContain('hf_')
    })

    it('of two calls at once with one idempotency key one makes the key and tells its secret', async () => {
      const both = await Promise.all([create({ idempotencyKey: 'twins' }), create({ idempotencyKey: 'twins' })])
      expect(new Set(both.map((payload) => payload.apiKey.id)).size).toBe(1)
      expect(both.filter((payload) => payload.secret)).toHaveLength(1)
    })

    it('a key makes no key that may more, or lives longer, than itself', async () => {
      const expiresAt = soon()
      const maker = await apiKey(world, user, ['ACCOUNT_WRITE', 'ACCOUNT_READ', 'TASKS_READ'], { expiresAt })
      const before = await count()
      expect(await create({ scopes: ['TASKS_READ', 'TASKS_WRITE'], expiresAt }, maker)).toMatchObject({
        apiKey: null,
        userErrors: [{ path: ['input', 'scopes'] }],
      })
      expect(await create({}, maker)).toMatchObject({ apiKey: null, userErrors: [{ path: ['input', 'expiresAt'] }] })
      expect(await create({ expiresAt: '2100-01-01T00:00:00Z' }, maker)).toMatchObject({ apiKey: null, userErrors: [{ path: ['input', 'expiresAt'] }] })
      expect(await count()).toBe(before)
      expect((await create({ expiresAt }, maker)).userErrors).toEqual([])
    })

    it('is not for strangers, nor for keys without the scope', async () => {
      const before = await count()
      await expect(create({}, null)).rejects.toThrow('UNAUTHENTICATED')
      expect(await count()).toBe(before)
      await expect(create({}, await apiKey(world, user, ['TASKS_READ']))).rejects.toThrow('FORBIDDEN')
      expect(await count()).toBe(before + 1)
    })
  })

  describe('apiKeyRevoke', () => {
    const revoke = (id: string, by: TestUser = user) => payloadOf(world, KEY_REVOKE, { id }, by)

    it('ends the key at once, and leaves it as it is the second time', async () => {
      const { apiKey: key, secret } = await create({ scopes: ['ACCOUNT_READ'] })
      expect(await refusalOf(world, secret)).toBeNull()
      const first = await revoke(key.id)
      expect(first.apiKey.revokedAt).toEqual(expect.any(String))
      expect(await refusalOf(world, secret)).toBe('UNAUTHENTICATED')
      expect(await revoke(key.id)).toEqual(first)
      expect(await kindsOf(world, key.id)).toEqual(['API_KEY_CREATED', 'API_KEY_REVOKED'])
    })

    it('somebody else’s key does not exist, but for ADMINs', async () => {
      const { apiKey: key, secret } = await create({ scopes: ['ACCOUNT_READ'] })
      for (const id of [key.id, `ApiKey:${newId()}`, user.id])
        expect(await revoke(id, other)).toMatchObject({ apiKey: null, userErrors: [{ code: 'NOT_FOUND', path: ['input', 'id'] }] })
      expect(await refusalOf(world, secret)).toBeNull()
      expect(codesOf(await revoke(key.id, admin))).toEqual([])
    })

    it('of many at once one is told in the log', async () => {
      const { apiKey: key } = await create()
      await Promise.all(Array.from({ length: 5 }, () => revoke(key.id)))
      expect(await kindsOf(world, key.id)).toEqual(['API_KEY_CREATED', 'API_KEY_REVOKED'])
    })
  })

  describe('the list', () => {
    it('shows one’s own', async () => {
      await create({ name: 'b' })
      const { apiKey: gone } = await create({ name: 'a' })
      await create({ name: 'not mine' }, other)
      await payloadOf(world, KEY_REVOKE, { id: gone.id }, user)
      const names = async (variables: object) => (await world.ask(KEYS, variables as never, user)).data.apiKeys.nodes.map((node: { name: string }) => node.name)
      expect(await names({})).toEqual(['a', 'b'])
      expect(await names({ orderBy: [{ field: 'NAME', direction: 'DESC' }] })).toEqual(['b', 'a'])
      expect(await names({ filter: { revokedAt: { isNull: true } } })).toEqual(['b'])
      expect(await names({ filter: { name: { eq: 'not mine' } } })).toEqual([])
    })

    it('a key can be read as a node by its owner and by ADMINs alone', async () => {
      const { apiKey: key } = await create()
      const node = async (by?: string | TestUser) =>
        (await world.ask('query ($id: ID!) { node(id: $id) { ... on ApiKey { name } } }', { id: key.id }, by)).data.node
      expect(await node(user)).toEqual({ name: 'ci' })
      expect(await node(admin)).toEqual({ name: 'ci' })
      expect(await node(other)).toBeNull()
      expect(await node()).toBeNull()
      expect(await node(await apiKey(world, user, ['TASKS_READ']))).toBeNull()
    })
  })
})
