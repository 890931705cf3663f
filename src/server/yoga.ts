/**
 * Yoga, with its doors closed.
 *
 * It parses, validates and executes for every transport through `getEnveloped`, with its caches and any plugin. Of its
 * HTTP layer only the frame is used (GET, and `yoga.fetch`): what a request asks for, how it is performed and what the
 * answer is, is decided by the same functions as on the fast path, because Yoga's own take forms and batches, show what
 * they could not parse, and know no ids for events.
 */
import { type DocumentNode, execute, GraphQLError, type GraphQLSchema } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { stranger } from '../core/actor.ts'
import { type App, Context } from '../graphql/context.ts'
import { type GetEnveloped, masked, type Params, preparing } from '../graphql/execute.ts'
import { TOP_LEVEL_CODES } from '../graphql/mask.ts'
import { Refused } from '../graphql/refused.ts'
import { clientLeft, subscribeOperation } from '../graphql/subscribe.ts'
import { acceptedBy, answerOf } from './answer.ts'
import { DocumentCache } from './document-cache.ts'
import { originOf, requestIdOf } from './origin.ts'
import { type Exchange, isLive, type Outcome, Performer } from './perform.ts'
import { checkContentType, paramsOfBody, paramsOfQuery, tooLarge } from './request-params.ts'
import { eventStream, SSE_HEADERS, singleEvent } from './sse.ts'

export const GRAPHQL_PATH = '/graphql'

/** What may come with a request from the HTTP server; `yoga.fetch` alone makes its own. */
export interface FromServer {
  exchange?: Exchange
}

export function createGraphQL(app: App, schema: GraphQLSchema) {
  const yoga = createYoga<FromServer>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    maxRequestBodySize: false,
    // Errors are masked where their request's id is known; what Yoga itself throws, in the result processor.
    maskedErrors: false,
    logging: { debug: () => {}, info: () => {}, warn: (...args) => app.log.warn({ args }, 'Yoga'), error: (error) => app.log.error({ err: error }, 'Yoga') },
    parserAndValidationCache: { documentCache: new DocumentCache<DocumentNode>() as never, errorCache: new DocumentCache<Error>() as never },
    plugins: [engine, transport(app, () => performer)],
  })
  const performer: Performer = new Performer(app, preparing(schema, app.config, yoga.getEnveloped as unknown as GetEnveloped))
  return { yoga, performer }
}

/** graphql-js's own: Yoga's answers fields in the order in which they were ready, GraphQL in the order in which they were asked for. */
const engine: Plugin = {
  onExecute: ({ setExecuteFn }) => setExecuteFn(execute),
  onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribeOperation),
}

function transport(app: App, performer: () => Performer): Plugin<object, FromServer> {
  const exchanges = new WeakMap<Request, Exchange>()
  return {
    onRequest({ request, serverContext }) {
      exchanges.set(request, serverContext.exchange ?? exchangeOf(request, app.config.TRUST_PROXY))
    },
    onRequestParse({ request, url, setRequestParser }) {
      if (request.method === 'GET') return setRequestParser(() => paramsOfQuery(url.searchParams) as never)
      if (request.method !== 'POST') throw new Refused(405, 'GraphQL is asked by GET or POST.', { allow: 'GET, POST' })
      checkContentType(request.headers.get('content-type'), request.headers.get('content-encoding'))
      setRequestParser(async () => paramsOfBody(await readText(request, app.config.MAX_BODY_BYTES)) as never)
    },
    onParams({ request, setParamsHandler }) {
      setParamsHandler(({ params }) => performer().http(exchanges.get(request)!, params as Params) as never)
    },
    onResultProcess({ request, result, setResultProcessor }) {
      const exchange = exchanges.get(request)!
      const { accepted, ending, origin } = exchange
      const outcome = result as Outcome
      setResultProcessor((_result, fetchAPI) => {
        if (isLive(outcome)) return new fetchAPI.Response(eventStream(outcome, ending.signal), { headers: { ...SSE_HEADERS } })
        const context = new Context(app, stranger, origin, ending.signal)
        const errors = outcome.errors?.map((error) => (isCoded(error) ? error : masked(error, context)))
        const fit = errors ? { ...outcome, errors } : outcome
        if (!accepted.json && accepted.events && !(errors?.[0] instanceof Refused))
          return new fetchAPI.Response(singleEvent(fit), { headers: { ...SSE_HEADERS } })
        const { status, headers, body } = answerOf(fit, accepted.json ?? 'application/json')
        return new fetchAPI.Response(body, { status, headers })
      }, 'application/json')
    },
  }
}

const isCoded = (error: unknown): boolean => error instanceof GraphQLError && (TOP_LEVEL_CODES as readonly unknown[]).includes(error.extensions.code)

function exchangeOf(request: Request, hops: number): Exchange {
  const { headers } = request
  const ending = new AbortController()
  request.signal?.addEventListener('abort', () => ending.abort(clientLeft), { once: true })
  const requestId = requestIdOf(headers.get('x-request-id'))
  return {
    method: request.method,
    origin: originOf({ requestId, remote: undefined, forwarded: headers.get('x-forwarded-for'), userAgent: headers.get('user-agent') }, hops),
    authorization: headers.get('authorization'),
    lastEventId: headers.get('last-event-id'),
    traceparent: headers.get('traceparent') ?? undefined,
    tellCost: headers.get('x-holdfast-cost') === '1',
    accepted: acceptedBy(headers.get('accept')),
    ending,
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  if (Number(request.headers.get('content-length')) > maxBytes) throw tooLarge(maxBytes)
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of (request.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
