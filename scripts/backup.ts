/** Writes a whole copy of the SQLite database to a new file, while the server runs: `npm run backup -- backup.db`. */
import { existsSync } from 'node:fs'
import Database from 'libsql'
import { readConfig } from '../src/config.ts'
import { dialectOf } from '../src/db/database.ts'

const [target] = process.argv.slice(2)
const { DATABASE_URL } = readConfig()
const fail = (message: string): never => {
  console.error(message)
  process.exit(1)
}
if (!target) fail('Say where to: npm run backup -- backup.db')
if (dialectOf(DATABASE_URL) === 'postgresql') fail('This is for SQLite; for PostgreSQL use pg_dump.')
if (existsSync(target!)) fail(`${target} exists already.`)
const file = DATABASE_URL.replace(/^file:/, '')
if (!existsSync(file)) fail(`There is no database at ${file}.`)
const database = new Database(file, { timeout: 10_000 })
// One reading transaction: the copy is the database at one moment, and writers go on meanwhile.
database.prepare('VACUUM INTO ?').run(target)
database.close()
console.log(`${target} is a copy of ${file}. Keep ${readConfig().DATA_DIR}/secret with it.`)
