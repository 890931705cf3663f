import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { apiKey, bare, kindsOf, login, payloadOf, REVOKE, REVOKE_ALL, refusalOf } from './account.ts'

const SESSIONS = `query ($filter: SessionFilter, $orderBy: [SessionOrder!], $first: Int, $after: String) {
  sessions(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    nodes { id userAgent address createdAt lastUsedAt expiresAt revokedAt current } totalCount pageInfo { hasNextPage endCursor } } }`

describe.each(dialects())('sessions on %s', (dialect) => {
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

  const sessionOf = async (who: TestUser) => `Session:${(await world.client.session.findFirstOrThrow({ where: { userId: bare(who.id) } })).id}`
  const notFound = { session: null, userErrors: [{ code: 'NOT_FOUND', path: ['input', 'id'] }] }

  describe('sessionRevoke', () => {
    it('logs the current session out, which ends its tokens at once', async () => {
      const { session } = await payloadOf(world, REVOKE, {}, user)
      expect(session).toEqual({ id: await sessionOf(user), revokedAt: expect.any(String) })
      expect(await refusalOf(world, user)).toBe('UNAUTHENTICATED')
      expect(await kindsOf(world, session.id)).toEqual(['SESSION_CREATED', 'SESSION_REVOKED'])
    })

    it('ends another session of one’s own, and leaves it as it is the second time', async () => {
      const { session, tokens } = await login(world, user)
      const first = await payloadOf(world, REVOKE, { id: session.id }, user)
      expect(await refusalOf(world, tokens.accessToken)).toBe('UNAUTHENTICATED')
      expect(await payloadOf(world, REVOKE, { id: session.id }, user)).toEqual(first)
      expect(await kindsOf(world, session.id)).toEqual(['SESSION_CREATED', 'SESSION_REVOKED'])
      expect(await refusalOf(world, user)).toBeNull()
    })

    it('somebody else’s session does not exist, nor does one of another type', async () => {
      for (const id of [await sessionOf(other), `Session:${newId()}`, other.id]) expect(await payloadOf(world, REVOKE, { id }, user)).toMatchObject(notFound)
      expect(await refusalOf(world, other)).toBeNull()
      expect(await payloadOf(world, REVOKE, { id: 'nonsense' }, user)).toMatchObject({ userErrors: [{ code: 'BAD_USER_INPUT', path: ['input', 'id'] }] })
    })

    it('an ADMIN may end anybody’s', async () => {
      expect((await payloadOf(world, REVOKE, { id: await sessionOf(user) }, admin)).userErrors).toEqual([])
      expect(await refusalOf(world, user)).toBe('UNAUTHENTICATED')
    })

    it('a key needs the scope, and an id, for it has no session', async () => {
      const reader = await apiKey(world, user, ['ACCOUNT_READ'])
      await expect(payloadOf(world, REVOKE, { id: await sessionOf(user) }, reader)).rejects.toThrow('FORBIDDEN')
      expect(await refusalOf(world, user)).toBeNull()
      const writer = await apiKey(world, user, ['ACCOUNT_WRITE'])
      expect(await payloadOf(world, REVOKE, {}, writer)).toMatchObject({ userErrors: [{ code: 'BAD_USER_INPUT' }] })
      expect((await payloadOf(world, REVOKE, { id: await sessionOf(user) }, writer)).userErrors).toEqual([])
    })

    it('is nothing for strangers', async () => {
      await expect(payloadOf(world, REVOKE, {})).rejects.toThrow('UNAUTHENTICATED')
      await expect(payloadOf(world, REVOKE_ALL, {})).rejects.toThrow('UNAUTHENTICATED')
    })
  })

  describe('sessionRevokeAll', () => {
    it('ends all one’s own sessions and nobody else’s', async () => {
      const { tokens } = await login(world, user)
      expect(await payloadOf(world, REVOKE_ALL, {}, user)).toEqual({ revokedCount: 2, userErrors: [] })
      for (const token of [user.accessToken, tokens.accessToken]) expect(await refusalOf(world, token)).toBe('UNAUTHENTICATED')
      expect(await refusalOf(world, other)).toBeNull()
    })

    it('may keep the current one', async () => {
      const { tokens } = await login(world, user)
      expect((await payloadOf(world, REVOKE_ALL, { exceptCurrent: true }, user)).revokedCount).toBe(1)
      expect(await refusalOf(world, user)).toBeNull()
      expect(await refusalOf(world, tokens.accessToken)).toBe('UNAUTHENTICATED')
      expect((await payloadOf(world, REVOKE_ALL, { exceptCurrent: true }, user)).revokedCount).toBe(0)
    })
  })

  describe('the list', () => {
    it('shows one’s own, newest first, page by page', async () => {
      const ids = [await sessionOf(user)]
      for (let i = 0; i < 2; i++) ids.unshift((await login(world, user)).session.id)
      const { data: first } = await world.ask(SESSIONS, { first: 2 }, user)
      expect(first.sessions).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } })
      const { data: rest } = await world.ask(SESSIONS, { first: 2, after: first.sessions.pageInfo.endCursor }, user)
      expect([...first.sessions.nodes, ...rest.sessions.nodes].map((node: { id: string }) => node.id)).toEqual(ids)
      expect(rest.sessions.nodes[0]).toMatchObject({ current: true, revokedAt: null, address: expect.any(String) })
      const { data: admins } = await world.ask(SESSIONS, {}, admin)
      expect(admins.sessions.totalCount).toBe(1)
    })

    it('can leave out those that were revoked', async () => {
      const { session } = await login(world, user)
      await payloadOf(world, REVOKE, { id: session.id }, user)
      const ask = async (isNull: boolean) =>
        (await world.ask(SESSIONS, { filter: { revokedAt: { isNull } }, orderBy: [{ field: 'EXPIRES_AT' }] }, user)).data.sessions.nodes
      expect((await ask(true)).map((node: { id: string }) => node.id)).toEqual([await sessionOf(user)])
      expect((await ask(false)).map((node: { id: string }) => node.id)).toEqual([session.id])
    })

    it('a session can be read as a node by its owner and by ADMINs alone', async () => {
      const id = await sessionOf(user)
      const node = async (token?: string | TestUser) =>
        (await world.ask('query ($id: ID!) { node(id: $id) { id ... on Session { current } } }', { id }, token)).data.node
      expect(await node(user)).toEqual({ id, current: true })
      expect(await node(admin)).toEqual({ id, current: false })
      expect(await node(other)).toBeNull()
      expect(await node()).toBeNull()
      expect(await node(await apiKey(world, user, ['TASKS_READ']))).toBeNull()
    })
  })
})
