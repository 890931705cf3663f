import { createHmac } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/identity/authenticate.ts'
import { secretsFrom } from '../../src/secrets.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { apiKey, bare, payloadOf, REVOKE, refusalOf, VIEWER } from './account.ts'

describe.each(dialects())('authenticate on %s', (dialect) => {
  let world: World
  let user: TestUser
  let sid: string
  beforeAll(async () => {
    world = await openWorld(dialect)
    await world.user('admin')
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    user = await world.user()
    sid = (await world.client.session.findFirstOrThrow({ where: { userId: bare(user.id) } })).id
  })

  const seconds = () => Math.floor(Date.now() / 1000)
  /** A token that would be right if nothing of it were changed. */
  const token = (change: { sub?: string; sid?: unknown; iss?: string; aud?: string; exp?: number; key?: Uint8Array; alg?: string } = {}) =>
    new SignJWT({ sid: change.sid ?? sid, role: 'ADMIN' })
      .setProtectedHeader({ alg: change.alg ?? 'HS256' })
      .setSubject(change.sub ?? bare(user.id))
      .setIssuer(change.iss ?? 'holdfast')
      .setAudience(change.aud ?? 'holdfast')
      .setIssuedAt()
      .setExpirationTime(change.exp ?? seconds() + 60)
      .sign(change.key ?? world.app.secrets.key('access-token'))

  it('takes whoever sends nothing for a stranger', async () => {
    expect(await authenticate(world.app, null)).toEqual({ kind: 'stranger' })
    expect(await authenticate(world.app, undefined)).toEqual({ kind: 'stranger' })
    expect((await world.ask(VIEWER)).data).toEqual({ viewer: null })
  })

  it('takes a token for the session it was given to, with the role that the user has now', async () => {
    const known = { kind: 'session', userId: bare(user.id), sessionId: sid }
    expect(await authenticate(world.app, `Bearer ${await token()}`)).toMatchObject({ ...known, role: 'USER' })
    await world.client.user.update({ where: { id: bare(user.id) }, data: { role: 'ADMIN' } })
    expect(await authenticate(world.app, `bearer  ${user.accessToken}`)).toMatchObject({ ...known, role: 'ADMIN' })
  })

  it.each(['', 'Bearer', 'Bearer ', 'Basic dTpw', 'Bearer a b', 'Bearer <x>', `Bearer ${'x'.repeat(5000)}`, 'hf_x'])(
    'refuses the header %j',
    async (header) => {
      await expect(authenticate(world.app, header)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    },
  )

  it('refuses every forged token with one and the same message', async () => {
    const claims = { sid, role: 'ADMIN' }
    const unsecured = new UnsecuredJWT(claims).setSubject(bare(user.id)).setIssuer('holdfast').setAudience('holdfast').setExpirationTime('1h').encode()
    const [header, payload, signature] = (await token()).split('.') as [string, string, string]
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url')
    const other = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'x' })).toString('base64url')
    const withoutExpiry = `${header}.${Buffer.from(JSON.stringify({ sub: bare(user.id), sid, iss: 'holdfast', aud: 'holdfast' })).toString('base64url')}`
    const sign = (text: string) => createHmac('sha256', world.app.secrets.key('access-token')).update(text).digest('base64url')
    const forged = [
      unsecured,
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${header}.${other}.${signature}`,
      `${header}.${payload}`,
      `${withoutExpiry}.${sign(withoutExpiry)}`,
      'garbage',
      user.refreshToken,
      await token({ key: secretsFrom('the secret of another installation').key('access-token') }),
      await token({ key: world.app.secrets.key('refresh-token') }),
      await token({ alg: 'HS512' }),
      await token({ aud: 'another' }),
      await token({ iss: 'another' }),
      await token({ sid: 1 }),
    ]
    for (const each of forged) {
      await expect(authenticate(world.app, `Bearer ${each}`), each).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
        message: 'This access token is not valid.',
      })
      expect(await refusalOf(world, each)).toBe('UNAUTHENTICATED')
    }
  })

  it('refuses an expired token, also one that it has seen before', async () => {
    const short = await token({ exp: seconds() + 1 })
    expect(await refusalOf(world, short)).toBeNull()
    await expect.poll(() => refusalOf(world, short), { timeout: 5000 }).toBe('UNAUTHENTICATED')
    await expect(authenticate(world.app, `Bearer ${await token({ exp: seconds() - 1 })}`)).rejects.toThrow('It has expired.')
  })

  it('refuses a token whose session is revoked, expired, gone or of somebody else', async () => {
    const other = await world.user()
    await expect(authenticate(world.app, `Bearer ${await token({ sub: bare(other.id) })}`)).rejects.toThrow('It has been revoked.')
    await expect(authenticate(world.app, `Bearer ${await token({ sid: 'gone' })}`)).rejects.toThrow('It has been revoked.')
    await payloadOf(world, REVOKE, {}, user)
    expect(await refusalOf(world, user)).toBe('UNAUTHENTICATED')
    await world.client.session.updateMany({ where: { userId: bare(other.id) }, data: { expiresAtMs: 1n } })
    expect(await refusalOf(world, other)).toBe('UNAUTHENTICATED')
  })

  it('refuses the token and the key of a disabled user', async () => {
    const secret = await apiKey(world, user, ['ACCOUNT_READ'])
    await world.client.user.update({ where: { id: bare(user.id) }, data: { disabledAtMs: 1n } })
    for (const each of [user.accessToken, secret]) await expect(authenticate(world.app, `Bearer ${each}`)).rejects.toThrow('The user is disabled.')
  })

  it('refuses an unknown, an expired and a revoked key', async () => {
    const secret = await apiKey(world, user, ['ACCOUNT_READ'])
    expect(await refusalOf(world, secret)).toBeNull()
    await expect(authenticate(world.app, `Bearer ${secret}x`)).rejects.toThrow('This API key is not valid.')
    const where = { ownerId: bare(user.id) }
    await world.client.apiKey.updateMany({ where, data: { expiresAtMs: 1n } })
    await expect(authenticate(world.app, `Bearer ${secret}`)).rejects.toThrow('It has expired.')
    await world.client.apiKey.updateMany({ where, data: { expiresAtMs: null, revokedAtMs: 1n } })
    await expect(authenticate(world.app, `Bearer ${secret}`)).rejects.toThrow('It has been revoked.')
  })

  it('notes that a key is used, at most once a minute, and keeps nobody waiting for it', async () => {
    const secret = await apiKey(world, user, ['ACCOUNT_READ'])
    const lastUsed = async () => (await world.client.apiKey.findFirstOrThrow({ where: { ownerId: bare(user.id) } })).lastUsedAtMs
    expect(await lastUsed()).toBeNull()
    await Promise.all(Array.from({ length: 5 }, () => authenticate(world.app, `Bearer ${secret}`)))
    await expect.poll(lastUsed).not.toBeNull()
    const first = await lastUsed()
    await authenticate(world.app, `Bearer ${secret}`)
    expect(await lastUsed()).toBe(first)
    await world.client.apiKey.updateMany({ where: { ownerId: bare(user.id) }, data: { lastUsedAtMs: first! - 61_000n } })
    await authenticate(world.app, `Bearer ${secret}`)
    await expect.poll(lastUsed).toBeGreaterThan(first! - 1000n)
  })
})
