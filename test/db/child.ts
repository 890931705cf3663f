/** Another process on the same database, as told: `child.ts <url> serve | hold | migrate <folder> | write FULL|NORMAL`. */
import { newId } from '../../src/core/ids.ts'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { filePath } from '../../src/db/sqlite.ts'
import { SqliteConnection, type Synchronous } from '../../src/db/sqlite-connection.ts'
import { addUser } from './rows.ts'

const [url, role, argument] = process.argv.slice(2) as [string, 'serve' | 'hold' | 'migrate' | 'write', string?]

/** Keeps the process alive until its parent closes the pipe. */
const untilTold = () => new Promise<void>((resolve) => process.stdin.on('data', () => resolve()).on('end', () => resolve()))

async function serve() {
  try {
    await openDatabase({ url })
  } catch (error) {
    console.log(`refused: ${(error as Error).message}`)
    return
  }
  console.log('serving')
  await untilTold()
}

async function hold() {
  const connection = new SqliteConnection(filePath(url))
  connection.script(`BEGIN IMMEDIATE; DELETE FROM "User"`)
  console.log('holding')
  await untilTold()
  connection.script('COMMIT')
}

async function migrateTo() {
  const applied = await migrate(url, { folder: argument, waitMs: 500 }).catch((error: Error) => error.message)
  console.log(typeof applied === 'string' ? `refused: ${applied}` : `applied: ${applied.join(' ')}`)
}

/** Says each id only after its commit. */
async function write() {
  const { client } = await openDatabase({ url, synchronous: argument as Synchronous })
  for (;;) {
    const ids = [newId(), newId()]
    await client.$transaction(async (tx) => {
      for (const id of ids) await addUser(tx, { id })
    })
    process.stdout.write(`${ids.join('\n')}\n`)
  }
}

await { serve, hold, migrate: migrateTo, write }[role]()
process.exit()
