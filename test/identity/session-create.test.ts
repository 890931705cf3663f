import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPasswordHasher } from '../../src/identity/password-hash.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { bare, codesOf, kindsOf, LOGIN, login, payloadOf, refusalOf } from './account.ts'

describe.each(dialects())('sessionCreate on %s', (dialect) => {
  let world: World
  let user: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    await world.user('admin')
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    user = await world.user()
  })

  const wrong = (email = user.email) => payloadOf(world, LOGIN, { email, password: 'not the password' })
  /** Makes all failures look older. */
  const age = (ms: number) => world.client.$executeRaw`UPDATE "LoginFailure" SET "failedAtMs" = "failedAtMs" - ${BigInt(ms)}`
  const sessions = () => world.client.session.count({ where: { userId: bare(user.id) } })

  it('answers the session, the user and tokens that work at once', async () => {
    const payload = await login(world, { ...user, email: user.email.toUpperCase() })
    expect(payload).toMatchObject({ user: { id: user.id, email: user.email }, session: { current: false, revokedAt: null }, userErrors: [] })
    const { data } = await world.ask('{ viewer { id } sessions(first: 1) { nodes { id current } totalCount } }', {}, payload.tokens.accessToken)
    expect(data).toEqual({ viewer: { id: user.id }, sessions: { nodes: [{ id: payload.session.id, current: true }], totalCount: 2 } })
    expect(await kindsOf(world, payload.session.id)).toEqual(['SESSION_CREATED'])
    expect(new Date(payload.session.expiresAt).getTime() - new Date(payload.session.createdAt).getTime()).toBeCloseTo(30 * 86_400_000, -3)
  })

  it('refuses a wrong password, an unknown email and a disabled user with the very same answer, and opens nothing', async () => {
    const disabled = await world.user()
    await world.client.user.update({ where: { id: bare(disabled.id) }, data: { disabledAtMs: 1n } })
    const before = await world.client.session.count()
    const answers = [
      await wrong(),
      await wrong('nobody@example.com'),
      await wrong('no address at all'),
      await login(world, disabled),
      await login(world, { ...user, password: `${user.password} ` }),
    ]
    for (const { eventCursor, ...answer } of answers) {
      expect(answer).toEqual({
        session: null,
        user: null,
        tokens: null,
        userErrors: [{ __typename: 'GeneralError', code: 'INVALID_CREDENTIALS', message: 'Email or password is wrong.', path: null }],
      })
    }
    expect(await world.client.session.count()).toBe(before)
  })

  it('takes as long for an unknown email as for a wrong password', async () => {
    const time = async (email: string) => {
      const start = performance.now()
      await wrong(email)
      return performance.now() - start
    }
    const known: number[] = []
    const unknown: number[] = []
    for (let i = 0; i < 8; i++) {
      known.push(await time((await world.user()).email))
      unknown.push(await time(`unknown-${i}@example.com`))
    }
    const [a, b] = [Math.min(...known), Math.min(...unknown)]
    expect(Math.max(a, b) / Math.min(a, b)).toBeLessThan(2.5)
  })

  it.each(['known', 'unknown'])('after 5 failures a %s account has to wait 1 s, then 2 s, then 4 s', async (which) => {
    const email = which === 'known' ? user.email : `${dialect}-nobody@example.com`
    for (let i = 0; i < 5; i++) expect(codesOf(await wrong(email))).toEqual(['INVALID_CREDENTIALS'])
    for (const seconds of [1, 2, 4]) {
      const { userErrors } = await wrong(email)
      expect(userErrors[0]).toMatchObject({ __typename: 'RateLimitedError', code: 'RATE_LIMITED' })
      expect(userErrors[0].retryAfterMs).toBeGreaterThan((seconds - 1) * 1000)
      expect(userErrors[0].retryAfterMs).toBeLessThanOrEqual(seconds * 1000)
      await age(seconds * 1000)
      expect(codesOf(await wrong(email))).toEqual(['INVALID_CREDENTIALS'])
    }
  })

  it('refuses the right password too while it has to wait, and counts nothing then', async () => {
    for (let i = 0; i < 5; i++) await wrong()
    for (let i = 0; i < 3; i++) expect(codesOf(await login(world, user))).toEqual(['RATE_LIMITED'])
    await age(1000)
    expect(codesOf(await login(world, user))).toEqual([])
    for (let i = 0; i < 5; i++) expect(codesOf(await wrong())).toEqual(['INVALID_CREDENTIALS'])
  })

  it('never makes anybody wait longer than 15 minutes, after which all is forgotten', async () => {
    for (let i = 0; i < 5; i++) await wrong()
    const { accountHash } = await world.client.loginFailure.findFirstOrThrow({ orderBy: { id: 'desc' } })
    const failedAtMs = BigInt(Date.now())
    await world.client.loginFailure.createMany({ data: Array.from({ length: 40 }, (_, i) => ({ id: `${user.id}${i}`, accountHash, failedAtMs })) })
    const { userErrors } = await login(world, user)
    expect(userErrors[0].retryAfterMs).toBeLessThanOrEqual(900_000)
    expect(userErrors[0].retryAfterMs).toBeGreaterThan(890_000)
    await age(900_000)
    expect(codesOf(await login(world, user))).toEqual([])
  })

  it('of 30 guesses at once no more learn anything than of guesses in a row, not even the right one', async () => {
    const guesses = await Promise.all(Array.from({ length: 30 }, () => wrong()))
    expect(guesses.flatMap(codesOf).filter((code) => code === 'INVALID_CREDENTIALS')).toHaveLength(5)
    expect(guesses.flatMap(codesOf).filter((code) => code === 'RATE_LIMITED')).toHaveLength(25)
  })

  it('lets 20 right logins at once all in', async () => {
    const logins = await Promise.all(Array.from({ length: 20 }, () => login(world, user)))
    expect(logins.flatMap(codesOf)).toEqual([])
    expect(await sessions()).toBe(21)
  })

  it('keeps of a failure neither the email nor the password', async () => {
    await payloadOf(world, LOGIN, { email: 'secret-mail@example.com', password: 'secret-password' })
    const rows = await world.client.loginFailure.findMany()
    const kept = rows.map((row) => Object.values(row).join(' ')).join(' ')
    expect(kept).not.toContain('secret')
  })

  it('hashes the password anew when the parameters have changed', async () => {
    const where = { userId: bare(user.id) }
    const weaker = createPasswordHasher({ memoryKib: 8192, timeCost: 3, parallelism: 1, concurrency: 1 })
    await world.client.credential.update({ where, data: { passwordHash: await weaker.hash(user.password) } })
    const logins = await Promise.all([login(world, user), login(world, user)])
    expect(logins.flatMap(codesOf)).toEqual([])
    expect((await world.client.credential.findUniqueOrThrow({ where })).passwordHash).toContain('$argon2id$v=19$m=8192,t=1,p=1$')
    expect(codesOf(await login(world, user))).toEqual([])
  })

  it('keeps at most 1,000 sessions of a user open, the newest', async () => {
    const userId = bare(user.id)
    const now = BigInt(Date.now())
    await world.client.session.createMany({
      data: Array.from({ length: 1000 }, (_, i) => ({ id: `${userId}-${i}`, userId, createdAtMs: now, lastUsedAtMs: now, expiresAtMs: now + 10_000_000n })),
    })
    expect(await refusalOf(world, user)).toBeNull()
    expect(codesOf(await login(world, user))).toEqual([])
    const open = await world.client.session.count({ where: { userId, revokedAtMs: null } })
    expect(open).toBe(1000)
  })

  it('counts logins of one address', async () => {
    const limited = await openWorld(dialect, { env: { RATE_LIMITS: 'on', RATE_LIMIT_LOGINS_PER_MINUTE: '3' } })
    try {
      const someone = await limited.user()
      for (let i = 0; i < 3; i++) expect(codesOf(await login(limited, someone))).toEqual([])
      expect(codesOf(await login(limited, someone))).toEqual(['RATE_LIMITED'])
    } finally {
      await limited.close()
    }
  })
})
