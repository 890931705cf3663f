/**
 * GraphQL over WebSocket (graphql-transport-ws), on the HTTP server's port and path.
 *
 * A socket is connected → initialised (its token makes its actor) → open for operations → closed: 4403 when the token is
 * bad or the right ends, 1012 when the server stops, so that clients come back. Subscriptions are pulled: the next event
 * is asked for once the last was handed to the network, so a slow reader holds one message, not a growing buffer.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ExecutionArgs, GraphQLError } from 'graphql'
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols, makeServer, type SubscribePayload } from 'graphql-ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Actor, stranger } from '../core/actor.ts'
import { RateLimited, Unauthenticated } from '../core/errors.ts'
import { type App, Context as OperationContext, type Origin } from '../graphql/context.ts'
import { type Call, masked, type Prepared } from '../graphql/execute.ts'
import { refused } from '../graphql/request-figures.ts'
import { clientLeft, finished } from '../graphql/subscribe.ts'
import { watchActor } from '../identity/actor-watch.ts'
import { mayConnect } from './cors.ts'
import { originOfRequest, requestIdOf } from './origin.ts'
import { isLive, type Performer } from './perform.ts'
import { checkParams } from './request-params.ts'
import { keepAlive, send } from './socket-peer.ts'
import { sentResults } from './socket-results.ts'
import { GRAPHQL_PATH } from './yoga.ts'

export const SERVICE_RESTART = 1012
const TRY_AGAIN_LATER = 1013
const INIT_TIMEOUT_MS = 5000
const PING_EVERY_MS = 20_000
const DOOR = 'WebSocket /graphql'

export interface Sockets {
  /** How many are open. */
  readonly count: number
  /** Tells every client to come back, and cuts off who does not answer in time. */
  close(timeoutMs: number): Promise<void>
}

/** What is known of one socket. */
interface Extra {
  readonly origin: Origin
  readonly socket: WebSocket
  actor: Actor
  unwatch: () => void
  /** Of the operations under way. */
  readonly endings: Set<AbortController>
}

interface RootValue {
  /** The operation's, on its socket. */
  id: string
  prepared: Prepared
  call: Call
  ending: AbortController
  /** Came with a token of its own. */
  own: boolean
  extra: Extra
}

export interface SocketTimes {
  initTimeoutMs?: number
  pingEveryMs?: number
}

export function serveSockets(app: App, http: Server, performer: Performer, times: SocketTimes = {}): Sockets {
  const { config, log } = app
  const sockets = new WebSocketServer({ noServer: true, maxPayload: config.MAX_BODY_BYTES, handleProtocols, perMessageDeflate: false })
  let closing = false

  const initialise = async (connectionParams: Readonly<Record<string, unknown>> | undefined, extra: Extra): Promise<boolean> => {
    try {
      extra.actor = await performer.admit(tokenOf(connectionParams), extra.origin, DOOR)
    } catch (error) {
      if (error instanceof Unauthenticated) return false
      masked(error, contextOf(extra, new AbortController().signal))
      extra.socket.close(TRY_AGAIN_LATER, 'Try again later')
      return false
    }
    extra.unwatch = watchActor(app.store, extra.actor, (reason) => extra.socket.close(CloseCode.Forbidden, reason.slice(0, 120)))
    if (extra.socket.readyState !== extra.socket.OPEN) extra.unwatch()
    return true
  }

  const contextOf = (extra: Extra, signal: AbortSignal, actor = extra.actor) =>
    new OperationContext(app, actor, { ...extra.origin, requestId: requestIdOf(undefined) }, signal)

  /** The operation, ready to run, or why it will not. */
  const subscribe = async (extra: Extra, id: string, open: number, payload: SubscribePayload): Promise<ExecutionArgs | GraphQLError[]> => {
    const ending = new AbortController()
    let context = contextOf(extra, ending.signal)
    try {
      if (open > config.MAX_SUBSCRIPTIONS_PER_SOCKET)
        throw new RateLimited(1000, `At most ${config.MAX_SUBSCRIPTIONS_PER_SOCKET} operations at once on one socket.`)
      // GraphiQL sends its header editor along with each operation, not with the connection.
      const own = tokenOf(payload.extensions?.headers)
      if (own) context = contextOf(extra, ending.signal, await performer.admit(own, extra.origin, DOOR))
      else await performer.count(extra.actor, extra.origin, DOOR)
      const call: Call = { params: checkParams(payload), context, tellCost: payload.extensions?.cost === true, traceparent: payload.extensions?.traceparent }
      const prepared = performer.prepare(call)
      if ('errors' in prepared) return [...refused(prepared).errors]
      const root: RootValue = { id, prepared, call, ending, own: own !== null, extra }
      extra.endings.add(ending)
      return { document: prepared.document, operationName: payload.operationName ?? null, contextValue: context, rootValue: root } as unknown as ExecutionArgs
    } catch (error) {
      return [...refused({ errors: [masked(error, context)] }).errors]
    }
  }

  const run = async ({ rootValue }: ExecutionArgs) => {
    const { id, call, ending, extra, own, prepared } = rootValue as RootValue
    const over = () => extra.endings.delete(ending)
    if (own) performer.tie(ending, call, over)
    else
      call.onEnd = () => {
        over()
        ending.abort(finished)
      }
    const outcome = await performer.start(call, prepared)
    if (isLive(outcome)) return sentResults(outcome, id, (frame) => send(extra.socket, frame)) as never
    call.onEnd?.()
    return outcome as never
  }

  const protocol = makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: times.initTimeoutMs ?? INIT_TIMEOUT_MS,
    onConnect: ({ connectionParams, extra }) => initialise(connectionParams, extra),
    onSubscribe: ({ extra, subscriptions }, id, payload) => subscribe(extra, id, Object.keys(subscriptions).length, payload),
    execute: run,
    subscribe: run,
  })

  const opened = (socket: WebSocket, req: IncomingMessage): void => {
    const origin = originOfRequest(req, requestIdOf(req.headers['x-request-id']), config.TRUST_PROXY)
    const extra: Extra = { origin, socket, actor: stranger, unwatch: () => {}, endings: new Set() }
    const fail = (error: unknown) => {
      log.debug({ err: error, requestId: origin.requestId }, 'A socket failed')
      socket.close(CloseCode.InternalServerError, 'Internal server error')
    }
    socket.on('error', (error) => log.debug({ err: error, requestId: origin.requestId }, 'A socket failed'))
    const stopPinging = keepAlive(socket, times.pingEveryMs ?? PING_EVERY_MS)
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => send(socket, text),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (read) => socket.on('message', (data) => void read(String(data)).catch(fail)),
      },
      extra,
    )
    socket.once('close', (code, reason) => {
      stopPinging()
      extra.unwatch()
      for (const ending of extra.endings) ending.abort(clientLeft)
      Promise.resolve(closed(code, String(reason))).catch(fail)
    })
  }

  http.on('upgrade', (req: IncomingMessage, connection: Duplex, head: Buffer) => {
    const refuse = (status: string) => connection.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    connection.on('error', () => {})
    if (req.url!.split('?', 1)[0] !== GRAPHQL_PATH) return refuse('404 Not Found')
    if (closing) return refuse('503 Service Unavailable')
    if (!mayConnect(config, req.headers.origin, req.headers.host)) return refuse('403 Forbidden')
    if (!handleProtocols(req.headers['sec-websocket-protocol'] ?? '')) return refuse(`400 Speak ${GRAPHQL_TRANSPORT_WS_PROTOCOL}`)
    sockets.handleUpgrade(req, connection, head, (socket) => opened(socket, req))
  })

  return {
    get count() {
      return sockets.clients.size
    },
    close: async (timeoutMs) => {
      closing = true
      const gone = [...sockets.clients].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())))
      for (const socket of sockets.clients) socket.close(SERVICE_RESTART, 'Service restart')
      const impatience = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate()
      }, timeoutMs)
      await Promise.all(gone)
      clearTimeout(impatience)
    },
  }
}

/** `{authorization: "Bearer …"}` or the bare token, however the name is written. */
function tokenOf(headers: unknown): string | null {
  if (typeof headers !== 'object' || headers === null) return null
  const given = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1]
  if (given === undefined || given === null || given === '') return null
  const text = String(given)
  return /^bearer /i.test(text) ? text : `Bearer ${text}`
}
