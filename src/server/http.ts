/**
 * The HTTP server: which path leads where, and the fast path.
 *
 * A POST goes from `node:http` straight to the performer and back; that costs about a quarter of what it costs through
 * Yoga's request and response objects. The rest (queries by GET, `EventSource`) goes through Yoga.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { App } from '../graphql/context.ts'
import { Refused } from '../graphql/refused.ts'
import { clientLeft } from '../graphql/subscribe.ts'
import { acceptedBy, answerOf } from './answer.ts'
import { AUDIT_EXPORT_PATH, AuditDoor } from './audit-door.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import { GRAPHIQL_HEADERS, graphiqlPage } from './graphiql.ts'
import { type Health, live, type Phase, ready } from './health.ts'
import { METRICS_PATH, metricsDoor } from './metrics-door.ts'
import { originOfRequest, requestIdOf } from './origin.ts'
import { type Exchange, isLive, type Outcome } from './perform.ts'
import { readBody } from './read-body.ts'
import { checkContentType, paramsOfBody } from './request-params.ts'
import { send, sendEvents, sendJson } from './respond.ts'
import { eventStream, SSE_HEADERS, singleEvent } from './sse.ts'
import { STREAMS_PATH, StreamDoors } from './stream-doors.ts'
import { type createGraphQL, GRAPHQL_PATH } from './yoga.ts'

const REQUEST_TIMEOUT_MS = 60_000
const HEADERS_TIMEOUT_MS = 15_000
/** Longer than the idle time of common load balancers, so that it is they who close. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000

/** `phase` tells whether the server is ready to serve. */
export function createHttpServer(app: App, graphql: ReturnType<typeof createGraphQL>, phase: () => Phase): Server {
  const { config } = app
  const doors = new StreamDoors(app, graphql.performer)
  const trail = new AuditDoor(app, graphql.performer)

  const route = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const requestId = requestIdOf(req.headers['x-request-id'])
    res.setHeader('x-request-id', requestId)
    res.setHeader('x-content-type-options', 'nosniff')
    if (phase() === 'stopping') res.setHeader('connection', 'close')
    const [path] = req.url!.split('?', 1)
    try {
      if (path === GRAPHQL_PATH) await graphqlRoute(req, res, requestId)
      else if (path!.startsWith(STREAMS_PATH)) await doors.open(req, res, requestId)
      else if (path === AUDIT_EXPORT_PATH) await trail.open(req, res, requestId)
      else if (req.method !== 'GET' && req.method !== 'HEAD') sendJson(res, 404, { error: 'There is nothing here.' })
      else if (path === '/health/live') sendHealth(res, live)
      else if (path === '/health/ready') sendHealth(res, await ready(app, phase()))
      else if (path === METRICS_PATH) await metricsDoor(app, graphql.performer, req, res, requestId)
      else if (path === '/' && config.GRAPHIQL) send(res, 302, { location: GRAPHQL_PATH }, '')
      else if (path === '/') sendJson(res, 200, { name: 'Holdfast', graphql: GRAPHQL_PATH, health: '/health/ready' })
      else sendJson(res, 404, { error: 'There is nothing here.' })
    } catch (error) {
      if (error === clientLeft) return
      app.log.error({ err: error, requestId }, 'A request failed')
      if (res.headersSent) res.destroy()
      else sendJson(res, 500, { errors: [{ message: 'Something went wrong in the server.', extensions: { code: 'INTERNAL', requestId } }] })
    }
  }

  const graphqlRoute = async (req: IncomingMessage, res: ServerResponse, requestId: string): Promise<void> => {
    const { headers, method } = req
    const cors = corsHeaders(config, headers.origin)
    for (const name in cors) res.setHeader(name, cors[name]!)
    if (method === 'OPTIONS') return send(res, 204, preflightHeaders(config, headers.origin))
    if (method === 'GET' && config.GRAPHIQL && headers.accept?.includes('text/html')) return sendGraphiql(req, res)
    const exchange = exchangeOf(req, res, requestId)
    if (method === 'GET') return throughYoga(req, res, exchange)
    const outcome = await fastPath(req, exchange)
    if (isLive(outcome)) return sendEvents(res, eventStream(outcome, exchange.ending.signal), SSE_HEADERS)
    const { json, events } = exchange.accepted
    if (!json && events && !(outcome.errors?.[0] instanceof Refused)) return send(res, 200, SSE_HEADERS, singleEvent(outcome))
    const answer = answerOf(outcome, json ?? 'application/json')
    send(res, answer.status, answer.headers, answer.body)
  }

  const fastPath = async (req: IncomingMessage, exchange: Exchange): Promise<Outcome> => {
    try {
      if (req.method !== 'POST') throw new Refused(405, 'GraphQL is asked by GET or POST.', { allow: 'GET, POST' })
      checkContentType(req.headers['content-type'], req.headers['content-encoding'])
      const params = paramsOfBody(await readBody(req, config.MAX_BODY_BYTES))
      return await graphql.performer.http(exchange, params)
    } catch (error) {
      if (error instanceof Refused) return { errors: [error] }
      throw error
    }
  }

  const throughYoga = async (req: IncomingMessage, res: ServerResponse, exchange: Exchange): Promise<void> => {
    const { yoga } = graphql
    const request = new yoga.fetchAPI.Request(`http://localhost${req.url}`, { method: req.method!, headers: req.headers as Record<string, string> })
    const response = await yoga.handleRequest(request, { exchange })
    const headers = Object.fromEntries(response.headers)
    if (headers['content-type']?.startsWith('text/event-stream') && response.body) sendEvents(res, response.body, headers)
    else send(res, response.status, headers, await response.text())
  }

  const exchangeOf = (req: IncomingMessage, res: ServerResponse, requestId: string): Exchange => {
    const { headers } = req
    const ending = new AbortController()
    res.once('close', () => res.writableFinished || ending.abort(clientLeft))
    return {
      method: req.method!,
      origin: originOfRequest(req, requestId, config.TRUST_PROXY),
      authorization: headers.authorization ?? null,
      lastEventId: (headers['last-event-id'] as string | undefined) ?? null,
      traceparent: headers.traceparent as string | undefined,
      tellCost: headers['x-holdfast-cost'] === '1',
      accepted: acceptedBy(headers.accept),
      ending,
    }
  }

  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS },
    (req, res) => {
      void route(req, res)
    },
  )
  return server
}

const sendHealth = (res: ServerResponse, { status, body }: Health) =>
  send(res, status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }, JSON.stringify(body))

async function sendGraphiql(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { plain, zipped } = await graphiqlPage()
  const zips = req.headers['accept-encoding']?.includes('gzip')
  send(res, 200, { ...GRAPHIQL_HEADERS, vary: 'Accept, Accept-Encoding', ...(zips && { 'content-encoding': 'gzip' }) }, zips ? zipped : plain)
}
