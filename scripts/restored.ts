/** To be run once after a database was brought back from a backup: gives the log a new identity, so that cursors given out after the backup expire instead of pointing at other events. */
import { readConfig } from '../src/config.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { renewLog } from '../src/events/log.ts'

const { DATABASE_URL } = readConfig()
await migrate(DATABASE_URL)
const database = await openDatabase({ url: DATABASE_URL })
await renewLog(database)
await database.close()
console.log('The log has a new identity. Old cursors now answer CURSOR_EXPIRED.')
