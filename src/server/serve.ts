/** Starts the server and stops it without cutting anybody off in the middle of a word. */
import type { GraphQLSchema } from 'graphql'
import type { App } from '../graphql/context.ts'
import { readyWatch } from '../tasks/ready-watch.ts'
import type { Phase } from './health.ts'
import { createHttpServer } from './http.ts'
import { serveSockets } from './websocket.ts'
import { createGraphQL } from './yoga.ts'

export interface Serving {
  url: string
  port: number
  /** Takes nothing new, lets what is under way finish for a few seconds, then closes. */
  close(): Promise<void>
}

const PATIENCE_MS = 5000
const SOCKET_PATIENCE_MS = 2000

export async function serve(app: App, schema: GraphQLSchema): Promise<Serving> {
  const { HOST, PORT } = app.config
  let phase: Phase = 'starting'
  const graphql = createGraphQL(app, schema)
  const http = createHttpServer(app, graphql, () => phase)
  const sockets = serveSockets(app, http, graphql.performer)
  await new Promise<void>((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => reject(startFailure(error, HOST, PORT)))
    http.listen(PORT, HOST, resolve)
  })
  phase = 'serving'
  const { port } = http.address() as { port: number }

  const stop = async (): Promise<void> => {
    phase = 'stopping'
    const closed = new Promise<void>((resolve) => http.close(() => resolve()))
    graphql.performer.stop()
    readyWatch(app.store).stop()
    const impatience = setTimeout(() => http.closeAllConnections(), PATIENCE_MS)
    // Connections that have answered their last request would otherwise idle until their timeout.
    const sweep = setInterval(() => http.closeIdleConnections(), 50)
    await sockets.close(SOCKET_PATIENCE_MS)
    await closed
    clearTimeout(impatience)
    clearInterval(sweep)
    await graphql.yoga.dispose()
  }
  let stopped: Promise<void> | undefined
  return {
    url: `http://${HOST.includes(':') ? `[${HOST}]` : HOST === '0.0.0.0' ? '127.0.0.1' : HOST}:${port}`,
    port,
    close: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

function startFailure(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE')
    return new Error(`Port ${port} on ${host} is taken. Stop what listens there, or set PORT to another one (PORT=0 takes a free one).`)
  if (error.code === 'EACCES') return new Error(`Listening on port ${port} of ${host} is not permitted. Set PORT to one above 1023.`)
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new Error(`This machine has no address ${host}. Set HOST, for example to 127.0.0.1 or 0.0.0.0.`)
  return error
}
