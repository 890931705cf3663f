import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'

describe('whoever knows their password', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld('sqlite', { env: { RATE_LIMITS: 'on', RATE_LIMIT_LOGINS_PER_MINUTE: '3' } })
  })
  afterAll(() => world.close())

  it('cannot have it hashed without end', async () => {
    const ada = await world.user('ada')
    const input = { currentPassword: ada.password, newPassword: ada.password }
    const change = () =>
      world.refused('mutation ($input: UserPasswordChangeInput!) { userPasswordChange(input: $input) { userErrors { code path message } } }', { input }, ada)
    for (let i = 0; i < 3; i++) expect(await change()).toEqual([])
    expect(await change()).toMatchObject([{ code: 'RATE_LIMITED' }])
  })

  it('is not called by more letters than a name may have', async () => {
    const email = `${'a'.repeat(150)}@example.com`
    const { user } = await world.does(
      'mutation ($input: UserRegisterInput!) { userRegister(input: $input) { user { displayName } userErrors { code message } } }',
      { input: { email, password: 'correct horse battery' } },
    )
    expect(user.displayName).toBe('a'.repeat(100))
  })
})
