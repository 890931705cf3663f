/** Reads the configuration, opens, serves, waits for a signal, stops. */
import { ConfigInvalid, readConfig } from './config.ts'
import { buildSchema } from './graphql/schema.ts'
import { createLog, openApp } from './server/open.ts'
import { serve } from './server/serve.ts'

const fail = (error: unknown): never => {
  process.stderr.write(
    `${error instanceof ConfigInvalid ? error.message : `Holdfast cannot start: ${error instanceof Error ? error.message : String(error)}`}\n`,
  )
  process.exit(1)
}

const config = (() => {
  try {
    return readConfig()
  } catch (error) {
    return fail(error)
  }
})()
const log = createLog(config)

process.on('unhandledRejection', (error) => log.error({ err: error }, 'A promise was rejected and nobody listened.'))
process.on('uncaughtException', (error) => {
  // In an unknown state nothing should go on; what was acknowledged is on disk, and what ran is taken up again.
  log.fatal({ err: error }, 'An error was not caught; the server ends.')
  process.exit(70)
})

const app = await openApp(config, { log }).catch(fail)
const server = await serve(app, buildSchema()).catch(fail)
log.info({ url: server.url, database: app.store.database.dialect }, 'Holdfast serves.')
if (process.stdout.isTTY || !config.PRODUCTION) {
  process.stdout.write(`\n  Holdfast is at ${server.url}\n${config.GRAPHIQL ? `  GraphiQL: open ${server.url} in a browser\n` : ''}\n`)
}

let stopping = false
const stop = async (signal: string) => {
  if (stopping) process.exit(130)
  stopping = true
  log.info({ signal }, 'Holdfast stops.')
  // Whatever hangs, the process ends: leases see to the rest.
  setTimeout(() => process.exit(1), 20_000).unref()
  try {
    await server.close()
    await app.close()
    process.exit(0)
  } catch (error) {
    log.error({ err: error }, 'The server could not stop properly.')
    process.exit(1)
  }
}
process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGINT', () => void stop('SIGINT'))
