import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { digest } from '../../src/secrets.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { bare, codesOf, kindsOf, payloadOf, REFRESH, REVOKE, refusalOf } from './account.ts'

describe.each(dialects())('sessionRefresh on %s', (dialect) => {
  let world: World
  let user: TestUser
  let sessionId: string
  beforeAll(async () => {
    world = await openWorld(dialect)
    await world.user('admin')
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    user = await world.user()
    sessionId = (await world.client.session.findFirstOrThrow({ where: { userId: bare(user.id) } })).id
  })

  const refresh = (refreshToken: string) => payloadOf(world, REFRESH, { refreshToken })
  /** Makes a token look as if it had been used that long ago. */
  const age = (refreshToken: string, ms: number) =>
    world.client.$executeRaw`UPDATE "RefreshToken" SET "usedAtMs" = "usedAtMs" - ${BigInt(ms)} WHERE "tokenHash" = ${digest(refreshToken)}`
  const session = () => world.client.session.findUniqueOrThrow({ where: { id: sessionId } })
  const refused = { session: null, user: null, tokens: null, userErrors: [{ code: 'INVALID_REFRESH_TOKEN', path: ['input', 'refreshToken'] }] }

  it('gives new tokens for the same session, which lives longer then', async () => {
    await world.client
      .$executeRaw`UPDATE "Session" SET "expiresAtMs" = "expiresAtMs" - 86400000, "lastUsedAtMs" = "lastUsedAtMs" - 86400000 WHERE "id" = ${sessionId}`
    const before = await session()
    const { tokens, ...payload } = await refresh(user.refreshToken)
    expect(payload).toMatchObject({ session: { id: `Session:${sessionId}` }, user: { id: user.id }, userErrors: [] })
    expect(tokens.refreshToken).not.toBe(user.refreshToken)
    expect(await refusalOf(world, tokens.accessToken)).toBeNull()
    const after = await session()
    expect(Number(after.expiresAtMs - before.expiresAtMs)).toBeGreaterThan(86_000_000)
    expect(Number(after.lastUsedAtMs - before.lastUsedAtMs)).toBeGreaterThan(86_000_000)
    expect(new Date(tokens.refreshTokenExpiresAt).getTime()).toBe(Number(after.expiresAtMs))
    expect(await kindsOf(world, sessionId)).toEqual(['SESSION_CREATED'])
  })

  it('goes on for many rounds', async () => {
    let token = user.refreshToken
    for (let i = 0; i < 5; i++) token = (await refresh(token)).tokens.refreshToken
    expect(await world.client.refreshToken.count({ where: { sessionId } })).toBe(6)
  })

  it('gives the same successor to a repeat within 10 s', async () => {
    const first = await refresh(user.refreshToken)
    await age(user.refreshToken, 9_000)
    const second = await refresh(user.refreshToken)
    expect(second.tokens.refreshToken).toBe(first.tokens.refreshToken)
    expect(second.tokens.refreshTokenExpiresAt).toBe(first.tokens.refreshTokenExpiresAt)
    expect(await refusalOf(world, second.tokens.accessToken)).toBeNull()
    expect(codesOf(await refresh(first.tokens.refreshToken))).toEqual([])
  })

  it('of many who come at once all get the same successor, and nobody is taken for a thief', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => refresh(user.refreshToken)))
    expect(new Set(all.map((payload) => payload.tokens?.refreshToken)).size).toBe(1)
    expect(await world.client.refreshToken.count({ where: { sessionId } })).toBe(2)
    expect((await session()).revokedAtMs).toBeNull()
  })

  it('ends the session when a used token comes again after the grace', async () => {
    const { tokens } = await refresh(user.refreshToken)
    await age(user.refreshToken, 11_000)
    expect(await refresh(user.refreshToken)).toMatchObject(refused)
    expect((await session()).revokedReason).toBe('REUSE')
    expect(await kindsOf(world, sessionId)).toEqual(['SESSION_CREATED', 'SESSION_REVOKED'])
    expect(await refresh(tokens.refreshToken)).toMatchObject(refused)
    for (const token of [tokens.accessToken, user.accessToken]) expect(await refusalOf(world, token)).toBe('UNAUTHENTICATED')
  })

  it('ends the session at once when a token comes again whose successor was used', async () => {
    const { tokens } = await refresh(user.refreshToken)
    const next = await refresh(tokens.refreshToken)
    expect(await refresh(user.refreshToken)).toMatchObject(refused)
    expect((await session()).revokedReason).toBe('REUSE')
    expect(await refusalOf(world, next.tokens.accessToken)).toBe('UNAUTHENTICATED')
  })

  it('of a theft only the one session ends', async () => {
    const other = await world.user()
    await refresh(user.refreshToken)
    await age(user.refreshToken, 11_000)
    await refresh(user.refreshToken)
    expect(await refusalOf(world, other)).toBeNull()
  })

  it('refuses what is unknown, and an access token', async () => {
    for (const token of ['unknown', user.accessToken.slice(0, 200), `${user.refreshToken}x`]) expect(await refresh(token)).toMatchObject(refused)
    expect((await session()).revokedAtMs).toBeNull()
  })

  it('refuses the token of a session that was revoked, and says nothing more', async () => {
    await payloadOf(world, REVOKE, {}, user)
    expect(await refresh(user.refreshToken)).toMatchObject(refused)
    expect((await session()).revokedReason).toBe('LOGOUT')
    expect(await world.client.refreshToken.count({ where: { sessionId } })).toBe(1)
  })

  it('refuses an expired token, and that of a disabled user', async () => {
    await world.client.refreshToken.updateMany({ where: { sessionId }, data: { expiresAtMs: BigInt(Date.now() - 60_000) } })
    expect(await refresh(user.refreshToken)).toMatchObject(refused)
    const other = await world.user()
    await world.client.user.update({ where: { id: bare(other.id) }, data: { disabledAtMs: 1n } })
    expect(await refresh(other.refreshToken)).toMatchObject(refused)
  })

  it('keeps no refresh token that could be used', async () => {
    const { tokens } = await refresh(user.refreshToken)
    const rows = await world.client.refreshToken.findMany()
    const kept = rows.map((row) => Object.values(row).join(' ')).join(' ')
    for (const token of [user.refreshToken, tokens.refreshToken]) expect(kept).not.toContain(token)
  })
})
