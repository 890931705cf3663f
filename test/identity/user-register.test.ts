import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type World } from '../kit/world.ts'

const REGISTER = `mutation ($input: UserRegisterInput!) { userRegister(input: $input) {
  user { id email displayName role preferences disabledAt } tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
  eventCursor userErrors { __typename code message path } } }`

describe.each(dialects())('userRegister on %s', (dialect) => {
  let world: World
  let count = 0
  beforeAll(async () => {
    world = await openWorld(dialect)
  })
  afterAll(() => world.close())

  const register = async (input: object, token?: string) => {
    const email = `register${++count}@example.com`
    const { data, errors } = await world.ask(REGISTER, { input: { email, password: 'a fine password', displayName: 'Ada', ...input } }, token)
    expect(errors).toBeUndefined()
    return data.userRegister
  }
  const code = (payload: { userErrors: { code: string }[] }) => payload.userErrors.map((error) => error.code)
  const users = () => world.app.store.database.client.user.count()

  it('of two first users who register at once one is ADMIN and the other is not', async () => {
    const both = await Promise.all([register({}), register({})])
    expect(both.map((payload) => payload.user.role).sort()).toEqual(['ADMIN', 'USER'])
    const { database } = world.app.store
    const installation = await database.client.installation.findUniqueOrThrow({ where: { id: 1 } })
    expect(`User:${installation.adminUserId}`).toBe(both.find((payload) => payload.user.role === 'ADMIN').user.id)
  })

  it('answers the user and tokens that work at once', async () => {
    const payload = await register({ email: 'Grace@Example.COM' })
    expect(payload).toMatchObject({ user: { email: 'grace@example.com', displayName: 'Ada', role: 'USER', preferences: {}, disabledAt: null }, userErrors: [] })
    const { data } = await world.ask('{ viewer { id } }', {}, payload.tokens.accessToken)
    expect(data.viewer.id).toBe(payload.user.id)
    const minutes = (new Date(payload.tokens.accessTokenExpiresAt).getTime() - Date.now()) / 60_000
    expect(Math.round(minutes)).toBe(world.app.config.ACCESS_TOKEN_MINUTES)
  })

  it('calls whoever gives no name by what stands before the @', async () => {
    expect((await register({ email: 'Jane.Doe@example.com', displayName: null })).user.displayName).toBe('jane.doe')
  })

  it('writes who registered, and from where, into the log, and no secret', async () => {
    const payload = await register({ password: 'not in the log' })
    const userId = payload.user.id.slice('User:'.length)
    const events = await world.app.store.database.client.event.findMany({ where: { ownerId: userId }, orderBy: { position: 'asc' } })
    expect(events.map(({ kind, actorId }) => [kind, actorId])).toEqual([
      ['USER_REGISTERED', userId],
      ['SESSION_CREATED', userId],
    ])
    const told = JSON.stringify(events, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
    expect(told).not.toContain('not in the log')
    expect(told).not.toContain('argon2')
    expect(told).not.toContain(payload.tokens.refreshToken)
  })

  it('refuses an email that is taken, in whatever case, and changes nothing', async () => {
    await register({ email: 'taken@example.com' })
    const before = await users()
    const payload = await register({ email: 'TAKEN@example.com' })
    expect(payload).toMatchObject({ user: null, tokens: null, userErrors: [{ code: 'EMAIL_TAKEN', path: ['input', 'email'] }] })
    expect(await users()).toBe(before)
  })

  it('of two who register the same email at once one is refused', async () => {
    const both = await Promise.all([register({ email: 'race@example.com' }), register({ email: 'race@example.com' })])
    expect(both.map(code).sort()).toEqual([[], ['EMAIL_TAKEN']])
  })

  it('takes an id made by the client, once', async () => {
    const id = `User:${newId()}`
    expect((await register({ id })).user.id).toBe(id)
    expect(await register({ id })).toMatchObject({ user: null, userErrors: [{ code: 'ID_TAKEN', path: ['input', 'id'] }] })
    expect(await register({ id: `Task:${newId()}` })).toMatchObject({ userErrors: [{ code: 'BAD_USER_INPUT', path: ['input', 'id'] }] })
  })

  it.each([
    ['email', 'no address'],
    ['email', ''],
    ['email', `${'a'.repeat(250)}@example.com`],
    ['password', 'seven 7'],
    ['password', '💪'.repeat(7)],
    ['password', 'x'.repeat(129)],
    ['password', 'PassWord1'],
    ['password', 'iloveyou'],
    ['password', `half a character \ud800`],
    ['displayName', ''],
    ['displayName', '   '],
    ['displayName', 'x'.repeat(101)],
    ['idempotencyKey', ''],
  ])('refuses a bad %s: %j', async (field, value) => {
    const before = await users()
    expect(await register({ [field]: value })).toMatchObject({ user: null, tokens: null, userErrors: [{ code: 'BAD_USER_INPUT', path: ['input', field] }] })
    expect(await users()).toBe(before)
  })

  it.each(['💪'.repeat(8), '  spaces around  ', 'x'.repeat(128), 'Ωμέγα – ångström'])('takes the password %j exactly as given', async (password) => {
    const { user } = await register({ password })
    const login = async (typed: string) => {
      const { data } = await world.ask('mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { user { id } userErrors { code } } }', {
        input: { email: user.email, password: typed },
      })
      return data.sessionCreate
    }
    expect((await login(password)).user.id).toBe(user.id)
    for (const other of [password.trim(), password.normalize('NFD'), `${password}x`]) {
      if (other !== password) expect(code(await login(other))).toEqual(['INVALID_CREDENTIALS'])
    }
  })

  it('tells every fault at once', async () => {
    const payload = await register({ email: 'x', password: 'y', displayName: '' })
    expect(payload.userErrors.map((error: { path: string[] }) => error.path[1])).toEqual(['email', 'password', 'displayName'])
  })

  describe('with an idempotency key', () => {
    it('answers the same user again, without tokens, to whoever has the password', async () => {
      const input = { email: 'again@example.com', idempotencyKey: 'key' }
      const first = await register(input)
      const before = await users()
      const second = await register(input)
      expect(second).toMatchObject({ user: { id: first.user.id }, tokens: null, userErrors: [] })
      expect(await users()).toBe(before)
      const refused = await register({ ...input, password: 'another password' })
      expect(refused).toMatchObject({ user: null, tokens: null, userErrors: [{ code: 'IDEMPOTENCY_MISMATCH' }] })
      expect(code(await register({ ...input, displayName: 'Other' }))).toEqual(['IDEMPOTENCY_MISMATCH'])
    })

    it('two strangers with the same key do not meet', async () => {
      const first = await register({ idempotencyKey: '1' })
      const second = await register({ idempotencyKey: '1' })
      expect(second.userErrors).toEqual([])
      expect(second.user.id).not.toBe(first.user.id)
      expect(second.tokens).not.toBeNull()
    })

    it('a password cannot be guessed by replaying', async () => {
      const input = { email: 'guessed@example.com', idempotencyKey: 'key' }
      await register(input)
      const answers: string[] = []
      for (let i = 0; i < 7; i++) answers.push(...code(await register({ ...input, password: `guess number ${i}` })))
      expect(answers.slice(0, 5)).toEqual(Array(5).fill('IDEMPOTENCY_MISMATCH'))
      expect(answers.slice(5)).toContain('RATE_LIMITED')
    })

    it('two calls at once make one user', async () => {
      const input = { email: 'twins@example.com', idempotencyKey: 'key' }
      const twins = await Promise.all([register(input), register(input)])
      expect(new Set(twins.map((payload) => payload.user.id)).size).toBe(1)
      expect(twins.filter((payload) => payload.tokens)).toHaveLength(1)
    })
  })

  it('in a closed installation only ADMINs register others', async () => {
    const { config } = world.app
    const admin = await world.app.store.database.client.user.findFirstOrThrow({ where: { role: 'ADMIN' } })
    const { data } = await world.ask('mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { tokens { accessToken } } }', {
      input: { email: admin.email, password: 'a fine password' },
    })
    const plain = await register({})
    const before = await users()
    config.REGISTRATION = 'closed'
    try {
      expect(code(await register({}))).toEqual(['REGISTRATION_CLOSED'])
      expect(code(await register({ idempotencyKey: 'closed' }))).toEqual(['REGISTRATION_CLOSED'])
      expect(code(await register({}, plain.tokens.accessToken))).toEqual(['REGISTRATION_CLOSED'])
      expect(await users()).toBe(before)
      expect((await register({}, data.sessionCreate.tokens.accessToken)).user.role).toBe('USER')
    } finally {
      config.REGISTRATION = 'open'
    }
  })

  it('an empty installation lets its first user register though it is closed', async () => {
    const empty = await openWorld(dialect)
    try {
      empty.app.config.REGISTRATION = 'closed'
      // The row may be there for another purpose.
      await empty.app.store.database.client.installation.upsert({ where: { id: 1 }, create: { id: 1, secretFingerprint: 'x' }, update: {} })
      const input = { email: 'first@example.com', password: 'a fine password', displayName: 'First', idempotencyKey: 'first' }
      const { data } = await empty.ask(REGISTER, { input })
      expect(data.userRegister).toMatchObject({ user: { role: 'ADMIN' }, userErrors: [] })
      const again = await empty.ask(REGISTER, { input })
      expect(again.data.userRegister).toMatchObject({ user: { id: data.userRegister.user.id }, tokens: null, userErrors: [] })
      const second = await empty.ask(REGISTER, { input: { ...input, email: 'second@example.com' } })
      expect(code(second.data.userRegister)).toEqual(['REGISTRATION_CLOSED'])
    } finally {
      await empty.close()
    }
  })
})
