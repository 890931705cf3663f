import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Actor } from '../../src/core/actor.ts'
import { watchActor } from '../../src/identity/actor-watch.ts'
import { authenticate } from '../../src/identity/authenticate.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { apiKey, bare, DISABLE, KEY_REVOKE, PASSWORD, payloadOf, REFRESH, REVOKE, REVOKE_ALL, ROLE, UPDATE } from './account.ts'

describe.each(dialects())('watchActor on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let user: TestUser
  let actor: Actor
  beforeAll(async () => {
    world = await openWorld(dialect)
    admin = await world.user('admin')
  })
  afterAll(async () => {
    for (const leave of leaves) leave()
    await world.close()
  })
  beforeEach(async () => {
    user = await world.user()
    actor = await authenticate(world.app, `Bearer ${user.accessToken}`)
  })

  const leaves: (() => void)[] = []
  /** The reasons told so far. */
  const watch = (watched: Actor = actor, on: World = world): string[] => {
    const reasons: string[] = []
    leaves.push(watchActor(on.app.store, watched, (reason) => reasons.push(reason)))
    return reasons
  }
  const ended = (reasons: string[]) => expect.poll(() => reasons.length, { timeout: 5000, interval: 20 })
  const now = async () => {
    const { database } = world.app.store
    return Number((await database.client.$queryRaw<{ now: bigint }[]>`SELECT ${database.sql.nowMs} AS "now"`)[0]!.now)
  }

  it('ends when the session is revoked, once', async () => {
    const reasons = watch()
    await payloadOf(world, REVOKE, {}, user)
    await ended(reasons).toBe(1)
    await payloadOf(world, ROLE, { id: user.id, role: 'ADMIN' }, admin)
    await payloadOf(world, ROLE, { id: user.id, role: 'USER' }, admin)
    expect(reasons).toEqual(['It has been revoked.'])
  })

  it('ends for every other session when all are revoked', async () => {
    const { tokens } = await payloadOf(world, REFRESH, { refreshToken: user.refreshToken })
    const other = await authenticate(world.app, `Bearer ${tokens.accessToken}`)
    const [first, second] = [watch(), watch(other)]
    await payloadOf(world, REVOKE_ALL, {}, user)
    await ended(first).toBe(1)
    await ended(second).toBe(1)
  })

  it('ends when the user is disabled, and when the role changes', async () => {
    const byRole = watch()
    await payloadOf(world, ROLE, { id: user.id, role: 'ADMIN' }, admin)
    await ended(byRole).toBe(1)
    expect(byRole).toEqual(['The role of the user has changed.'])
    const byBan = watch(await authenticate(world.app, `Bearer ${user.accessToken}`))
    await payloadOf(world, DISABLE, { id: user.id }, admin)
    await ended(byBan).toBe(1)
  })

  it('ends when the key is revoked or its user disabled', async () => {
    const secret = await apiKey(world, user, ['TASKS_READ'])
    const key = await authenticate(world.app, `Bearer ${secret}`)
    const reasons = watch(key)
    const { id } = await world.client.apiKey.findFirstOrThrow({ where: { ownerId: bare(user.id) } })
    await payloadOf(world, KEY_REVOKE, { id: `ApiKey:${id}` }, user)
    await ended(reasons).toBe(1)
  })

  it('ends when the token expires, by the database’s clock', async () => {
    if (actor.kind !== 'session') throw new Error('no session')
    const reasons = watch({ ...actor, expiresAtMs: (await now()) + 300 })
    expect(reasons).toEqual([])
    await ended(reasons).toBe(1)
    expect(reasons).toEqual(['It has expired.'])
  })

  it('ends at once when it begins too late', async () => {
    if (actor.kind !== 'session') throw new Error('no session')
    const expired = watch({ ...actor, expiresAtMs: 1 })
    await payloadOf(world, REVOKE, {}, user)
    const revoked = watch()
    await ended(expired).toBe(1)
    await ended(revoked).toBe(1)
  })

  it('outlasts a timer’s 24 days, and what has nothing to do with it', async () => {
    if (actor.kind !== 'session') throw new Error('no session')
    const reasons = watch({ ...actor, expiresAtMs: Date.now() + 400 * 86_400_000 })
    const secret = await apiKey(world, user, ['TASKS_READ'])
    const unending = watch(await authenticate(world.app, `Bearer ${secret}`))
    await payloadOf(world, UPDATE, { displayName: 'Other' }, user)
    await payloadOf(world, PASSWORD, { currentPassword: user.password, newPassword: 'another password' }, user)
    await payloadOf(world, REFRESH, { refreshToken: user.refreshToken })
    // The log is heard in order: had any of this ended the watch, that would be the reason.
    await payloadOf(world, ROLE, { id: user.id, role: 'ADMIN' }, admin)
    await ended(reasons).toBe(1)
    await ended(unending).toBe(1)
    expect([...reasons, ...unending]).toEqual(Array(2).fill('The role of the user has changed.'))
  })

  it('says nothing after it was left', async () => {
    const reasons: string[] = []
    watchActor(world.app.store, actor, (reason) => reasons.push(reason))()
    await payloadOf(world, REVOKE, {}, user)
    await world.app.store.tail.look()
    expect(reasons).toEqual([])
    expect(watchActor(world.app.store, { kind: 'stranger' }, () => {})()).toBeUndefined()
  })

  it.skipIf(dialect === 'sqlite')('ends on another server too', async () => {
    const second = await openWorld(dialect, { url: world.url })
    try {
      const reasons = watch(await authenticate(second.app, `Bearer ${user.accessToken}`), second)
      await payloadOf(world, REVOKE, {}, user)
      await ended(reasons).toBe(1)
      expect((await second.ask('{ viewer { id } }', {}, user)).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
    } finally {
      await second.close()
    }
  })
})
