/**
 * Plain doors to a stream: `GET /streams/<id>` as server-sent events, for `curl` and `EventSource`, and `GET /streams/<id>/ui` as the
 * AI SDK's UI message stream, for `useChat`. The same rights and the same hub as `streamChunks`. An error is answered as JSON.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type KnownActor, requireScope } from '../core/actor.ts'
import { BadUserInput, DomainError, NotFound, Unauthenticated } from '../core/errors.ts'
import { idOf, toGlobalId } from '../core/ids.ts'
import { live } from '../events/live.ts'
import type { App, Origin } from '../graphql/context.ts'
import { Ended } from '../graphql/subscribe.ts'
import { isFinal } from '../streams/stream.ts'
import { streamSeen } from '../streams/stream-access.ts'
import { StreamExpired } from '../streams/stream-errors.ts'
import type { StreamUpdate } from '../streams/stream-hub.ts'
import { readStreamEnd, readStreamStates, type StreamState } from '../streams/stream-read.ts'
import { ticketActor } from '../streams/stream-ticket.ts'
import { taskMayWriteOn, taskStreamNext } from '../tasks/task-stream-next.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import { sendRefusal, type Told, toldOf } from './door-refusal.ts'
import { OpenResponses } from './open-responses.ts'
import { originOfRequest } from './origin.ts'
import type { Performer } from './perform.ts'
import { tellRefusal } from './refusals.ts'
import { send, sendEvents, sendJson } from './respond.ts'
import { keptAlive } from './sse.ts'
import { EVENTS_HEADERS, type StreamSource, streamEvents, type ToldStream } from './stream-events.ts'
import { uiEvents, uiHeaders } from './stream-ui.ts'

export const STREAMS_PATH = '/streams/'
const PATH = /^\/streams\/([^/]{1,200}?)(\/ui)?$/
const DOOR = 'GET /streams'
const METHODS = 'GET, HEAD, OPTIONS'
/** `seq`, or `seq.end` once all was said; before it the stream's id where that came in the place of the one that is asked for. */
const PLACE = /^(?:([0-9a-f-]{36}):)?(-1|\d{1,9})(\.end)?$/

/** What a request asks for. */
interface Asked {
  actor: KnownActor
  state: StreamState
  afterSeq: number
  ui: boolean
  /** Whether to go on with the next attempt of its task. */
  followsTask: boolean
  /** Whether `state` is already that of a later attempt's stream. */
  isNext: boolean
}

export class StreamDoors {
  readonly #open: OpenResponses

  constructor(
    readonly app: App,
    readonly performer: Performer,
  ) {
    this.#open = new OpenResponses(performer, app.config.MAX_EVENT_STREAMS_PER_USER, 'streams may be open')
  }

  async open(req: IncomingMessage, res: ServerResponse, requestId: string): Promise<void> {
    const { config } = this.app
    const cors = corsHeaders(config, req.headers.origin)
    for (const name in cors) res.setHeader(name, cors[name]!)
    // The address may hold a ticket.
    res.setHeader('referrer-policy', 'no-referrer')
    if (req.method === 'OPTIONS') return send(res, 204, { ...preflightHeaders(config, req.headers.origin), allow: METHODS })
    if (req.method !== 'GET' && req.method !== 'HEAD') return sendJson(res, 405, { error: 'Streams are read by GET.' }, { allow: METHODS })
    try {
      const asked = await this.#asked(req, requestId)
      if (!asked) return send(res, 204, { 'cache-control': 'no-store' })
      const headers = asked.ui ? await uiHeaders() : EVENTS_HEADERS
      if (req.method === 'HEAD') return send(res, 200, headers)
      this.#stream(res, asked, headers, requestId)
    } catch (error) {
      sendRefusal(res, this.#telling(requestId)(error), requestId)
    }
  }

  /** Who asks for what; null where there is nothing to be told any more. */
  async #asked(req: IncomingMessage, requestId: string): Promise<Asked | null> {
    const { headers } = req
    const url = new URL(req.url!, 'http://localhost')
    const [, name = '', ui] = PATH.exec(url.pathname) ?? []
    const id = idIn(name)
    const origin = originOfRequest(req, requestId, this.app.config.TRUST_PROXY)
    const actor = await this.#actor(headers.authorization, url.searchParams.get('ticket'), id, origin)
    const state = await streamSeen(this.app.store.database, actor, id)
    if (!state) throw new NotFound('Stream')
    const followsTask = followOf(url.searchParams.get('follow'))
    if (ui) {
      if (url.searchParams.get('open') === '1' && (await this.#isOver(state, followsTask))) return null
      if (state.expiredAtMs !== null) throw new StreamExpired()
      return { actor, state, afterSeq: -1, ui: true, followsTask, isNext: false }
    }
    const given = (headers['last-event-id'] as string | undefined) || url.searchParams.get('after') || '-1'
    const [, nextId, seq, end] = PLACE.exec(given) ?? []
    const now = nextId === undefined || nextId === state.id ? state : followsTask ? await this.#laterOf(state, nextId) : null
    const afterSeq = Number(seq)
    if (seq === undefined || !now || afterSeq > now.lastSeq)
      throw new BadUserInput(`\`after\` and Last-Event-ID are a seq of the stream; its last one is ${(now ?? state).lastSeq}.`)
    // `EventSource` comes back whenever a response ends; this tells it not to.
    if (end && afterSeq === now.lastSeq && (await this.#isOver(now, followsTask))) return null
    if (now.expiredAtMs !== null && afterSeq < now.lastSeq) throw new StreamExpired()
    return { actor, state: now, afterSeq, ui: false, followsTask, isNext: now !== state }
  }

  /** Whether nothing more will be said. */
  async #isOver({ id, status }: StreamState, followsTask: boolean): Promise<boolean> {
    return isFinal(status) && !(followsTask && status !== 'COMPLETED' && (await taskMayWriteOn(this.app.store, id)))
  }

  /** A stream that came in the place of another one: its task's too. */
  async #laterOf(state: StreamState, id: string): Promise<StreamState | null> {
    const { database } = this.app.store
    const [first, later] = await Promise.all([readStreamEnd(database, state.id), readStreamEnd(database, id)])
    return first.taskId !== null && first.taskId === later.taskId ? ((await readStreamStates(database, [id]))[0] ?? null) : null
  }

  async #actor(authorization: string | undefined, ticket: string | null, id: string | null, origin: Origin): Promise<KnownActor> {
    if (authorization !== undefined) {
      const caller = await this.performer.admit(authorization, origin, DOOR)
      try {
        return requireScope(caller, 'STREAMS_READ')
      } catch (error) {
        tellRefusal(this.app, origin, DOOR, error, caller)
        throw error
      }
    }
    let actor: KnownActor
    try {
      if (!ticket) throw new Unauthenticated('Send `Authorization: Bearer …`, or `?ticket=…` from `streamTicketCreate`.')
      actor = await ticketActor(this.app, ticket, id ?? '')
    } catch (error) {
      tellRefusal(this.app, origin, DOOR, error)
      // Guesses count too.
      await this.app.limits.consume('request', origin.address)
      throw error
    }
    await this.performer.count(actor, origin, DOOR)
    return actor
  }

  #stream(res: ServerResponse, { actor, state, afterSeq, ui, followsTask, isNext }: Asked, headers: Readonly<Record<string, string>>, requestId: string): void {
    const { app } = this
    const ending = this.#open.begin(res, actor)
    const toldStream = (stream: StreamState, after: number): ToldStream => ({
      id: stream.id,
      globalId: toGlobalId('Stream', stream.id),
      updates: live<StreamUpdate>(ending, (signal) => app.streams.follow(stream, after, signal)),
    })
    const source: StreamSource = {
      first: toldStream(state, afterSeq),
      isNext,
      next: async (endedId) => {
        const next = followsTask ? await taskStreamNext(app.store, endedId, ending) : null
        return next && toldStream(next, -1)
      },
      database: app.store.database,
      endedBy: endedBy(ending),
      tell: this.#telling(requestId),
    }
    sendEvents(res, keptAlive(ui ? uiEvents(source) : streamEvents(source)), headers)
  }

  /** The error as it may leave the server; what is ours to mend goes to the log. */
  #telling(requestId: string): (error: unknown) => Told {
    return (error) => toldOf(error, requestId, (cause) => this.app.log.error({ requestId, err: cause }, 'Reading a stream failed'))
  }
}

/** What `?follow` asks for. */
function followOf(value: string | null): boolean {
  if (value !== null && value !== 'task' && value !== 'stream') throw new BadUserInput('`follow` is `stream`, as by default, or `task`.')
  return value === 'task'
}

/** The bare id, of `Stream:<uuid>` or the UUID alone; null where it is none. */
function idIn(name: string): string | null {
  try {
    const text = decodeURIComponent(name)
    return idOf('Stream', text.includes(':') ? text : toGlobalId('Stream', text))
  } catch {
    return null
  }
}

/** What ended it before its time: an error is told, `silent` ends without a word, so that clients come back; null: nothing did. */
const endedBy = (signal: AbortSignal) => (): DomainError | 'silent' | null =>
  !signal.aborted ? null : signal.reason instanceof DomainError ? signal.reason : signal.reason instanceof Ended ? 'silent' : null
