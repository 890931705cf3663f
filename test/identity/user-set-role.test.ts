import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { apiKey, bare, codesOf, DISABLE, kindsOf, login, payloadOf, ROLE, refusalOf } from './account.ts'

describe.each(dialects())('ADMINs on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let user: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    admin = await world.user('admin')
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    user = await world.user()
  })

  const setRole = (who: TestUser, role: string, by: string | TestUser = admin) => payloadOf(world, ROLE, { id: who.id, role }, by)
  const disable = (who: TestUser, more: object = {}, by: string | TestUser = admin) => payloadOf(world, DISABLE, { id: who.id, ...more }, by)
  const row = (who: TestUser) => world.client.user.findUniqueOrThrow({ where: { id: bare(who.id) } })
  const lastAdmin = { user: null, userErrors: [{ code: 'LAST_ADMIN', path: ['input', 'id'] }] }

  describe('userSetRole', () => {
    it('makes an ADMIN, whose tokens may more at once, and a plain user again', async () => {
      expect((await setRole(user, 'ADMIN')).user.role).toBe('ADMIN')
      expect(await refusalOf(world, user, '{ users { totalCount } }')).toBeNull()
      expect((await setRole(user, 'USER')).user.role).toBe('USER')
      expect(await refusalOf(world, user, '{ users { totalCount } }')).toBe('FORBIDDEN')
      expect(await kindsOf(world, user.id)).toEqual(['USER_REGISTERED', 'USER_ROLE_CHANGED', 'USER_ROLE_CHANGED'])
      const event = await world.client.event.findFirstOrThrow({ where: { kind: 'USER_ROLE_CHANGED' }, orderBy: { position: 'desc' } })
      expect(event).toMatchObject({ ownerId: bare(user.id), actorId: bare(admin.id), data: { role: 'USER', before: { role: 'ADMIN' } } })
    })

    it('says nothing twice', async () => {
      expect(codesOf(await setRole(user, 'USER'))).toEqual([])
      expect(await kindsOf(world, user.id)).toEqual(['USER_REGISTERED'])
    })

    it('is for ADMINs, and for their keys with the scope', async () => {
      const before = await row(user)
      await expect(setRole(user, 'ADMIN', user)).rejects.toThrow('FORBIDDEN')
      await expect(setRole(user, 'ADMIN', await apiKey(world, admin, ['ACCOUNT_READ']))).rejects.toThrow('FORBIDDEN')
      await expect(setRole(user, 'ADMIN', await apiKey(world, user, ['ACCOUNT_WRITE']))).rejects.toThrow('FORBIDDEN')
      await expect(payloadOf(world, ROLE, { id: user.id, role: 'ADMIN' })).rejects.toThrow('UNAUTHENTICATED')
      expect(await row(user)).toEqual(before)
      expect(codesOf(await setRole(user, 'ADMIN', await apiKey(world, admin, ['ACCOUNT_WRITE', 'ACCOUNT_READ'])))).toEqual([])
      await setRole(user, 'USER')
    })

    it('knows nobody who is not there', async () => {
      for (const id of [`User:${newId()}`, `Task:${newId()}`])
        expect(await payloadOf(world, ROLE, { id, role: 'USER' }, admin)).toMatchObject({
          user: null,
          userErrors: [{ code: 'NOT_FOUND', path: ['input', 'id'] }],
        })
    })

    it('leaves the last ADMIN one', async () => {
      expect(await setRole(admin, 'USER')).toMatchObject(lastAdmin)
      expect((await row(admin)).role).toBe('ADMIN')
    })

    it('of two ADMINs who unmake each other at once one stays', async () => {
      await setRole(user, 'ADMIN')
      const both = await Promise.allSettled([setRole(user, 'USER', admin), setRole(admin, 'USER', user)])
      expect(both.some((each) => each.status === 'fulfilled' && each.value.userErrors.length === 0)).toBe(true)
      const admins = await world.client.user.findMany({ where: { role: 'ADMIN' } })
      expect(admins).toHaveLength(1)
      if (admins[0]!.id !== bare(admin.id)) {
        await setRole(admin, 'ADMIN', user)
        await setRole(user, 'USER', admin)
      }
    })
  })

  describe('userDisable', () => {
    it('shuts a user out at once: sessions, keys, logins', async () => {
      const key = await apiKey(world, user, ['ACCOUNT_READ'])
      expect((await disable(user)).user.disabledAt).toEqual(expect.any(String))
      for (const token of [user.accessToken, key]) expect(await refusalOf(world, token)).toBe('UNAUTHENTICATED')
      expect(codesOf(await login(world, user))).toEqual(['INVALID_CREDENTIALS'])
      expect(await kindsOf(world, user.id)).toEqual(['USER_REGISTERED', 'USER_DISABLED'])
    })

    it('lets them in again: keys count, sessions stay ended', async () => {
      const key = await apiKey(world, user, ['ACCOUNT_READ'])
      await disable(user)
      expect((await disable(user, { disabled: false })).user.disabledAt).toBeNull()
      expect(await refusalOf(world, key)).toBeNull()
      expect(await refusalOf(world, user)).toBe('UNAUTHENTICATED')
      expect(codesOf(await login(world, user))).toEqual([])
      expect(await kindsOf(world, user.id)).toEqual(['USER_REGISTERED', 'USER_DISABLED', 'USER_ENABLED'])
    })

    it('says nothing twice', async () => {
      await disable(user)
      const before = await row(user)
      expect(codesOf(await disable(user))).toEqual([])
      expect(await row(user)).toEqual(before)
    })

    it('is for ADMINs', async () => {
      const before = await row(user)
      await expect(disable(user, {}, user)).rejects.toThrow('FORBIDDEN')
      await expect(payloadOf(world, DISABLE, { id: user.id })).rejects.toThrow('UNAUTHENTICATED')
      expect(await row(user)).toEqual(before)
      expect(await payloadOf(world, DISABLE, { id: `User:${newId()}` }, admin)).toMatchObject({ user: null, userErrors: [{ code: 'NOT_FOUND' }] })
    })

    it('never the last ADMIN, also when the other one is disabled', async () => {
      expect(await disable(admin)).toMatchObject(lastAdmin)
      await setRole(user, 'ADMIN')
      await disable(user)
      expect(await disable(admin)).toMatchObject(lastAdmin)
      expect(await setRole(admin, 'USER')).toMatchObject(lastAdmin)
      expect(await refusalOf(world, admin)).toBeNull()
      await setRole(user, 'USER')
    })

    it('of two ADMINs who shut each other out at once one stays', async () => {
      await setRole(user, 'ADMIN')
      await Promise.allSettled([disable(user, {}, admin), disable(admin, {}, user)])
      const [left] = await world.client.user.findMany({ where: { role: 'ADMIN', disabledAtMs: null } })
      expect(left).toBeDefined()
      if (left!.id !== bare(admin.id)) {
        await disable(admin, { disabled: false }, user)
        admin = { ...admin, ...(await login(world, admin)).tokens }
      }
    })
  })
})
