import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { settingsTable } from '../scripts/settings-table.ts'
import { ConfigInvalid, readConfig } from '../src/config.ts'
import { openSecrets, secretsFrom } from '../src/secrets.ts'

const faultsOf = (env: Record<string, string>): string[] => {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.faults
    throw error
  }
  return []
}

describe('the configuration', () => {
  test('runs without any variable', () => {
    expect(readConfig({})).toMatchObject({
      DATABASE_URL: `file:${path.join('./data', 'holdfast.db')}`,
      PORT: 4000,
      HOST: '127.0.0.1',
      DATA_DIR: './data',
      REGISTRATION: 'open',
      RATE_LIMITS: true,
      GRAPHIQL: true,
      OPENAI: null,
    })
  })

  test('tells every fault at once, with what to do', () => {
    const faults = faultsOf({ PORT: '99999', LOG_LEVEL: 'loud', REGISTRATION: 'maybe', HOLDFAST_SECRET: 'short', DATABASE_URL: 'mysql://here' })
    expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual(['DATABASE_URL', 'HOLDFAST_SECRET', 'LOG_LEVEL', 'PORT', 'REGISTRATION'])
    expect(faults.find((fault) => fault.startsWith('DATABASE_URL'))).toContain('must read file:… or postgresql://…')
  })

  test('reads a file .env, and believes the environment more', () => {
    const [folder, before] = [mkdtempSync(path.join(tmpdir(), 'holdfast-env-')), process.cwd()]
    try {
      writeFileSync(path.join(folder, '.env'), 'TASK_CONCURRENCY=3\nMAX_DEPTH=9\n')
      process.env.MAX_DEPTH = '7'
      process.chdir(folder)
      expect(readConfig()).toMatchObject({ TASK_CONCURRENCY: 3, MAX_DEPTH: 7 })
    } finally {
      process.chdir(before)
      delete process.env.TASK_CONCURRENCY
      delete process.env.MAX_DEPTH
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('takes an empty variable for none', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '' }).PORT).toBe(4000)
  })

  test.each([
    [{ PG_DSN: 'postgresql://a@b/c' }, 'postgresql://a@b/c'],
    [{ POSTGRES_HOST: 'db', POSTGRES_USER: 'me', POSTGRES_PASSWORD: 'p@ss/word', POSTGRES_DB: 'shop' }, 'postgresql://me:p%40ss%2Fword@db:5432/shop'],
    [{ POSTGRES_HOST: 'db', POSTGRES_PORT: '6000' }, 'postgresql://holdfast@db:6000/holdfast'],
    [{ POSTGRES_HOST: '/var/run/postgresql' }, 'postgresql://holdfast@localhost/holdfast?host=%2Fvar%2Frun%2Fpostgresql'],
  ])('finds PostgreSQL by %o', (env, url) => {
    expect(readConfig(env).DATABASE_URL).toBe(url)
  })

  test('refuses two answers to where the data is', () => {
    expect(faultsOf({ PG_DSN: 'postgresql://a@b/c', DATABASE_URL: 'file:x.db' })).toEqual([
      'DATABASE_URL and PG_DSN are both set: keep one of them, it says where the data is.',
    ])
  })

  test('shows GraphiQL outside production, unless told otherwise', () => {
    expect([
      readConfig({ NODE_ENV: 'production' }).GRAPHIQL,
      readConfig({ NODE_ENV: 'production', GRAPHIQL: 'on' }).GRAPHIQL,
      readConfig({ GRAPHIQL: 'off' }).GRAPHIQL,
    ]).toEqual([false, true, false])
  })

  test('is told in the README as it is', () => {
    expect(readFileSync('README.md', 'utf8')).toContain(settingsTable())
  })
})

describe('the secret', () => {
  test('is made on first start, for its owner alone, and is the same on the next', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-secret-'))
    try {
      const first = openSecrets({ folder: path.join(folder, 'data') })
      expect(statSync(path.join(folder, 'data', 'secret')).mode & 0o777).toBe(0o600)
      expect(openSecrets({ folder: path.join(folder, 'data') }).fingerprint).toBe(first.fingerprint)
      expect(openSecrets({ given: 'another secret, given from outside', folder }).fingerprint).not.toBe(first.fingerprint)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('gives each purpose a key of its own', () => {
    const secrets = secretsFrom('a secret that is long enough for this')
    const mac = secrets.mac('producer-token', 'x')
    expect(secrets.verify('producer-token', mac, 'x')).toBe(true)
    expect(secrets.verify('producer-token', mac, 'y')).toBe(false)
    expect(secrets.verify('refresh-token', mac, 'x')).toBe(false)
    // Parts are kept apart: what is glued otherwise is something else.
    expect(secrets.mac('producer-token', 'ab', 'c')).not.toBe(secrets.mac('producer-token', 'a', 'bc'))
  })
})
