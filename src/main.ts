/** Reads the configuration, opens, serves, waits for a signal, stops. */
import { buildSchema } from './graphql/schema.ts'
import { loadAhead } from './server/load-ahead.ts'
import { createLog, openApp } from './server/open.ts'
import { configOrEnd, endOnErrors, fail, stopOnSignals } from './server/process.ts'
import { serve } from './server/serve.ts'

const config = configOrEnd()
const log = createLog(config)
endOnErrors(log)

const app = await openApp(config, { log }).catch(fail)
const server = await serve(app, buildSchema()).catch(fail)
log.info({ url: server.url, database: app.store.database.dialect }, 'Holdfast serves.')
if (process.stdout.isTTY || !config.PRODUCTION) {
  process.stdout.write(`\n  Holdfast is at ${server.url}\n${config.GRAPHIQL ? `  GraphiQL: open ${server.url} in a browser\n` : ''}\n`)
}
loadAhead(app)
stopOnSignals(log, async () => {
  await server.close()
  await app.close()
})
