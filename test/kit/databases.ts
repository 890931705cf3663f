/** Real databases to test on: a SQLite file always, and PostgreSQL where a server answers. */
import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { migrate } from '../../src/db/migrate.ts'
import { readExtra, readMigrations } from '../../src/db/migration-files.ts'
import type { Dialect } from '../../src/db/sql.ts'

export interface ScratchDatabase {
  url: string
  drop(): Promise<void>
}

const ADMIN_URL = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'
/** Any number that nobody else takes: one process at a time makes the template. */
const TEMPLATE_LOCK = 4_711_042

const postgresProblem = await asAdmin((client) => client.query('SELECT 1')).then(
  () => null,
  (error: unknown) => error,
)
if (postgresProblem) {
  if (process.env.CI) throw new Error(`There is no PostgreSQL at TEST_POSTGRES_URL (${ADMIN_URL}), and in CI there must be.`, { cause: postgresProblem })
  console.warn(`\n  NOTHING IS TESTED ON POSTGRESQL: no server answers at ${ADMIN_URL}. Set TEST_POSTGRES_URL.\n`)
}

/** The databases to run a suite on: `describe.each(dialects())('… on %s', (dialect) => …)`. */
export const dialects = (): Dialect[] => (postgresProblem ? ['sqlite'] : ['sqlite', 'postgresql'])

export const hasPostgres = !postgresProblem

/** A migrated database of one's own; `empty` leaves out the migrations. */
export async function scratchDatabase(dialect: Dialect, { empty = false } = {}): Promise<ScratchDatabase> {
  return dialect === 'sqlite' ? scratchFile(empty) : scratchPostgres(empty)
}

/** Changes with everything that makes the schema, so that a template is never stale. */
function schemaKey(dialect: Dialect): string {
  const hash = createHash('sha256')
  for (const { name, checksum } of [...readMigrations(dialect), readExtra(dialect)]) hash.update(`${name} ${checksum}\n`)
  return hash.digest('hex').slice(0, 12)
}

async function scratchFile(empty: boolean): Promise<ScratchDatabase> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-test-'))
  const file = path.join(folder, 'test.db')
  if (!empty) copyFileSync(await templateFile(), file)
  return { url: `file:${file}`, drop: async () => rmSync(folder, { recursive: true, force: true }) }
}

async function templateFile(): Promise<string> {
  const template = path.join(tmpdir(), `holdfast-template-${schemaKey('sqlite')}.db`)
  if (existsSync(template)) return template
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-template-'))
  const file = path.join(folder, 'template.db')
  await migrate(`file:${file}`)
  // Whole or not at all, whoever else is making it.
  renameSync(file, template)
  rmSync(folder, { recursive: true, force: true })
  return template
}

async function scratchPostgres(empty: boolean): Promise<ScratchDatabase> {
  const template = empty ? 'template0' : await templateDatabase()
  const name = `holdfast_test_${Date.now()}_${randomBytes(4).toString('hex')}`
  await asAdmin((client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`))
  return {
    url: urlOf(name),
    drop: async () => {
      await asAdmin((client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
    },
  }
}

let template: Promise<string> | undefined

function templateDatabase(): Promise<string> {
  template ??= asAdmin(async (client) => {
    const name = `holdfast_template_${schemaKey('postgresql')}`
    await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK])
    const known = await client.query('SELECT datistemplate FROM pg_database WHERE datname = $1', [name])
    if (known.rows[0]?.datistemplate) return name
    // One that is there and not marked was left half-made.
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await dropForgotten(client)
    await client.query(`CREATE DATABASE ${name}`)
    await migrate(urlOf(name))
    await client.query(`ALTER DATABASE ${name} IS_TEMPLATE true`)
    return name
  })
  return template
}

/** What runs that were killed left behind: an hour after they were made nobody uses them any more. */
async function dropForgotten(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(`SELECT datname FROM pg_database WHERE datname LIKE 'holdfast\\_test\\_%'`)
  for (const { datname } of rows) {
    const madeAt = Number(datname.split('_')[2])
    if (madeAt < Date.now() - 3_600_000) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`)
  }
}

function urlOf(database: string): string {
  const url = new URL(ADMIN_URL)
  url.pathname = `/${database}`
  return url.href
}

async function asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: ADMIN_URL, connectionTimeoutMillis: 3_000 })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
