/** Applies the migrations that the database lacks: `npm run migrate`. A server does the same when it starts. */
import { readConfig } from '../src/config.ts'
import { migrate } from '../src/db/migrate.ts'

try {
  const applied = await migrate(process.argv[2] ?? readConfig().DATABASE_URL, { log: console.log })
  if (!applied.length) console.log('Nothing to migrate.')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
