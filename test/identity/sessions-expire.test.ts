import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sessionsExpire } from '../../src/identity/sessions-expire.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { bare, codesOf, LOGIN, login, payloadOf, REFRESH, refusalOf } from './account.ts'

describe.each(dialects())('sessionsExpire on %s', (dialect) => {
  let world: World
  let user: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    user = await world.user()
  })
  afterAll(() => world.close())

  it('removes what is long over, in batches, and keeps what is not', async () => {
    const userId = bare(user.id)
    const now = BigInt(Date.now())
    const day = 86_400_000n
    const session = (id: string, expiresAtMs: bigint) => ({ id, userId, createdAtMs: 1n, lastUsedAtMs: 1n, expiresAtMs })
    await world.client.session.createMany({ data: [session('old', now - 31n * day), session('late', now - 29n * day), session('open', now + day)] })
    const token = (tokenHash: string, sessionId: string, expiresAtMs: bigint) => ({ tokenHash, sessionId, createdAtMs: 1n, expiresAtMs })
    await world.client.refreshToken.createMany({
      data: [
        token('a', 'old', now - day),
        token('b', 'open', now - day),
        token('c', 'open', now + day),
        ...Array.from({ length: 1500 }, (_, i) => token(`t${i}`, 'late', 1n)),
      ],
    })
    await payloadOf(world, LOGIN, { email: user.email, password: 'wrong' })
    await world.client.loginFailure.create({ data: { id: 'old', accountHash: 'x', failedAtMs: now - 16n * 60_000n } })
    expect(await sessionsExpire(world.app.store)).toBe(1504)
    expect((await world.client.session.findMany({ where: { id: { in: ['old', 'late', 'open'] } }, orderBy: { id: 'asc' } })).map((row) => row.id)).toEqual([
      'late',
      'open',
    ])
    expect(await world.client.refreshToken.findMany({ where: { sessionId: 'open' }, select: { tokenHash: true } })).toEqual([{ tokenHash: 'c' }])
    expect(await world.client.loginFailure.count()).toBe(1)
    expect(await sessionsExpire(world.app.store)).toBe(0)
    expect(await refusalOf(world, user)).toBeNull()
    expect(codesOf(await payloadOf(world, REFRESH, { refreshToken: user.refreshToken }))).toEqual([])
    expect(codesOf(await login(world, user))).toEqual([])
  })
})
