import { describe, expect, it } from 'vitest'
import { loginWaitMs } from '../../src/identity/login-failures.ts'
import { createPasswordHasher } from '../../src/identity/password-hash.ts'
import { passwordFault } from '../../src/identity/password-rule.ts'

const cheap = { memoryKib: 8192, timeCost: 1, parallelism: 1, concurrency: 1 }

describe('a password hash', () => {
  it('is argon2id, salted, and holds for its password alone', async () => {
    const hasher = createPasswordHasher(cheap)
    const [first, second] = [await hasher.hash('correct horse'), await hasher.hash('correct horse')]
    expect(first).toMatch(/^\$argon2id\$v=19\$m=8192,t=1,p=1\$/)
    expect(first).not.toBe(second)
    expect(await hasher.verify(first, 'correct horse')).toBe(true)
    expect(await hasher.verify(first, 'correct horse ')).toBe(false)
    expect(await hasher.verify(null, 'nobody')).toBe(false)
  })

  it('is to be made anew when any parameter has changed', async () => {
    const hash = await createPasswordHasher(cheap).hash('correct horse')
    expect(createPasswordHasher(cheap).needsRehash(hash)).toBe(false)
    for (const change of [{ memoryKib: 9000 }, { timeCost: 2 }, { parallelism: 2 }])
      expect(createPasswordHasher({ ...cheap, ...change }).needsRehash(hash)).toBe(true)
  })

  it('waits in a line of bounded length, past which the answer is to come again', async () => {
    const hasher = createPasswordHasher(cheap)
    const all = await Promise.allSettled(Array.from({ length: 70 }, () => hasher.hash('correct horse')))
    expect(all.filter((each) => each.status === 'fulfilled')).toHaveLength(65)
    for (const each of all) if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(await hasher.hash('correct horse')).toBeTruthy()
  })

  it('of a broken kind fails one check and does not hold up the next', async () => {
    const hasher = createPasswordHasher(cheap)
    await expect(hasher.verify('no hash', 'x')).rejects.toThrow()
    expect(await hasher.verify(await hasher.hash('x'), 'x')).toBe(true)
  })
})

describe('the rule for passwords', () => {
  it.each(['correct horse', '12 chars or so', 'ünïcödé', '        ', '💪💪💪💪💪💪💪💪'.slice(0), '\u00e9'.repeat(128)])('accepts %j', (password) => {
    expect(passwordFault(password)).toBe([...password].length < 8 ? 'Must have at least 8 characters' : null)
  })

  it.each(['', '1234567', 'password', 'PASSWORD', 'iLoveYou', 'x'.repeat(129), 'null\u0000null', 'half \udc00 character'])('refuses %j', (password) => {
    expect(passwordFault(password)).not.toBeNull()
  })
})

describe('the wait after failed logins', () => {
  it('is none for 5 failures, and then doubles from 1 s to 15 min, since the last one', () => {
    expect([0, 4].map((failures) => loginWaitMs(failures, 0))).toEqual([0, 0])
    expect([5, 6, 7, 14, 15, 1000].map((failures) => loginWaitMs(failures, 0))).toEqual([1000, 2000, 4000, 512_000, 900_000, 900_000])
    expect(loginWaitMs(7, 3999)).toBe(1)
    expect(loginWaitMs(7, 4000)).toBe(0)
  })
})
