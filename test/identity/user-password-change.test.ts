import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { apiKey, bare, codesOf, kindsOf, login, PASSWORD, payloadOf, refusalOf } from './account.ts'

describe.each(dialects())('userPasswordChange on %s', (dialect) => {
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

  const newPassword = 'quite another one'
  const change = (input: object = {}, token: string | TestUser = user) =>
    payloadOf(world, PASSWORD, { currentPassword: user.password, newPassword, ...input }, token)

  it('sets the new password and ends all other sessions', async () => {
    const { tokens } = await login(world, user)
    expect(await change()).toMatchObject({ user: { id: user.id }, userErrors: [] })
    expect(await refusalOf(world, user)).toBeNull()
    expect(await refusalOf(world, tokens.accessToken)).toBe('UNAUTHENTICATED')
    expect(codesOf(await login(world, user))).toEqual(['INVALID_CREDENTIALS'])
    expect(codesOf(await login(world, { ...user, password: newPassword }))).toEqual([])
    expect(await kindsOf(world, user.id)).toEqual(['USER_REGISTERED', 'USER_PASSWORD_CHANGED'])
  })

  it('refuses a wrong current password, and changes nothing but the count', async () => {
    const { tokens } = await login(world, user)
    const credential = () => world.client.credential.findUniqueOrThrow({ where: { userId: bare(user.id) } })
    const before = await credential()
    expect(await change({ currentPassword: 'wrong' })).toMatchObject({
      user: null,
      userErrors: [{ code: 'INVALID_CREDENTIALS', path: ['input', 'currentPassword'] }],
    })
    expect(await credential()).toEqual(before)
    expect(await refusalOf(world, tokens.accessToken)).toBeNull()
  })

  it('a stolen session cannot guess the password, nor go on guessing by logging in', async () => {
    for (let i = 0; i < 5; i++) expect(codesOf(await change({ currentPassword: 'wrong' }))).toEqual(['INVALID_CREDENTIALS'])
    expect(codesOf(await change())).toEqual(['RATE_LIMITED'])
    expect(codesOf(await login(world, user))).toEqual(['RATE_LIMITED'])
  })

  it.each(['short', 'password123', 'x'.repeat(129)])('refuses the new password %j', async (bad) => {
    expect(await change({ newPassword: bad })).toMatchObject({ user: null, userErrors: [{ code: 'BAD_USER_INPUT', path: ['input', 'newPassword'] }] })
    expect(codesOf(await login(world, user))).toEqual([])
  })

  it('of two changes at once one holds, and the password is that one’s', async () => {
    const passwords = ['the first of two', 'the second of two']
    const both = await Promise.all(passwords.map((each) => change({ newPassword: each })))
    expect(both.map(codesOf).sort()).toEqual([[], ['INVALID_CREDENTIALS']])
    const winner = passwords[both.findIndex((payload) => payload.userErrors.length === 0)]!
    expect(codesOf(await login(world, { ...user, password: winner }))).toEqual([])
  })

  it('a login with the old password that races the change does not survive it', async () => {
    const [logins] = await Promise.all([Promise.all([login(world, user), login(world, user), login(world, user)]), change()])
    for (const { tokens } of logins) if (tokens) expect(await refusalOf(world, tokens.accessToken)).toBe('UNAUTHENTICATED')
    expect(await world.client.session.count({ where: { userId: bare(user.id), revokedAtMs: null } })).toBe(1)
  })

  it('a key needs ACCOUNT_WRITE, and then ends all sessions', async () => {
    await expect(change({}, await apiKey(world, user, ['ACCOUNT_READ']))).rejects.toThrow('FORBIDDEN')
    const { userErrors } = await payloadOf(
      world,
      'mutation ($input: UserPasswordChangeInput!) { userPasswordChange(input: $input) { user { id } userErrors { code } } }',
      { currentPassword: user.password, newPassword },
      await apiKey(world, user, ['ACCOUNT_WRITE']),
    )
    expect(userErrors).toEqual([])
    expect(await refusalOf(world, user)).toBe('UNAUTHENTICATED')
  })
})
