/** Applies the migrations that a database lacks: `node --import tsx scripts/migrate.ts [url]`, or DATABASE_URL. */
import { migrate } from '../src/db/migrate.ts'

const url = process.argv[2] ?? process.env.DATABASE_URL ?? 'file:./data/holdfast.db'
try {
  const applied = await migrate(url, { log: console.log })
  if (!applied.length) console.log('Nothing to migrate.')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
