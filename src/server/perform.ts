/** What HTTP's two paths and the socket share: who calls, how often, and what ends an operation before its time. */
import type { ExecutionResult } from 'graphql'
import { type Actor, isKnown, stranger } from '../core/actor.ts'
import { Unauthenticated, Unavailable } from '../core/errors.ts'
import { type Tracer, traceparentOf, tracing } from '../core/tracing.ts'
import { type App, Context, type Origin } from '../graphql/context.ts'
import { type Call, type Fault, masked, type Params, type Prepared } from '../graphql/execute.ts'
import { Refused } from '../graphql/refused.ts'
import { operationName, refused, requestEnded } from '../graphql/request-figures.ts'
import { finished, type LiveResults, serverStops } from '../graphql/subscribe.ts'
import { watchActor } from '../identity/actor-watch.ts'
import { authenticate } from '../identity/authenticate.ts'
import type { Accepted } from './answer.ts'
import { tellRefusal, tellRefusals } from './refusals.ts'

/** An HTTP request, as far as GraphQL is concerned. */
export interface Exchange {
  readonly method: string
  readonly origin: Origin
  readonly authorization: string | null
  readonly lastEventId: string | null
  /** What trace the client says it belongs to. */
  readonly traceparent?: string | undefined
  readonly tellCost: boolean
  readonly accepted: Accepted
  /** Aborted when the client leaves. */
  readonly ending: AbortController
}

export type Outcome = ExecutionResult | LiveResults
export const isLive = (outcome: Outcome): outcome is LiveResults => Symbol.asyncIterator in outcome

const SLOW_MS = 1000

export class Performer {
  /** Subscriptions open over HTTP, to be ended when the server stops. Those of sockets end with their sockets. */
  readonly #open = new Set<AbortController>()
  #stopping = false

  constructor(
    readonly app: App,
    readonly prepare: (call: Call) => Prepared | Fault,
  ) {}

  /** One operation over HTTP. Never throws. */
  async http(exchange: Exchange, params: Params): Promise<Outcome> {
    const { origin, ending, accepted } = exchange
    const context = (actor: Actor) => new Context(this.app, actor, origin, ending.signal, exchange.lastEventId)
    let actor: Actor
    try {
      actor = await this.admit(exchange.authorization, origin, `${exchange.method} /graphql`)
    } catch (error) {
      return refused({ errors: [masked(error, context(stranger))] })
    }
    const call: Call = {
      params,
      context: context(actor),
      traceparent: exchange.traceparent,
      tellCost: exchange.tellCost || params.extensions?.cost === true,
      permit: (kind) => {
        if (kind === 'mutation' && exchange.method !== 'POST') throw new Refused(405, 'A mutation must be sent by POST.', { allow: 'POST' })
        if (kind === 'subscription' && !accepted.events) throw new Refused(406, 'A subscription needs Accept: text/event-stream, or a WebSocket.')
        if (kind !== 'subscription' && !accepted.json && !accepted.events) throw new Refused(406, 'Answers are application/json.')
      },
    }
    const prepared = this.prepare(call)
    if ('errors' in prepared) return refused(prepared)
    if (prepared.operation.operation === 'subscription') {
      if (this.#stopping) return { errors: [masked(new Unavailable('The server is stopping.'), call.context)] }
      this.#open.add(ending)
      this.tie(ending, call, () => this.#open.delete(ending))
    }
    return this.start(call, prepared)
  }

  /** Who calls; counted. `door`: what they call, as the trail is to say where they are refused. */
  async admit(authorization: string | null, origin: Origin, door: string): Promise<Actor> {
    let actor: Actor
    try {
      actor = await authenticate(this.app, authorization)
    } catch (error) {
      tellRefusal(this.app, origin, door, error)
      // Guesses count too.
      await this.app.limits.consume('request', origin.address)
      throw error
    }
    await this.count(actor, origin, door)
    return actor
  }

  async count(actor: Actor, origin: Origin, door: string): Promise<void> {
    try {
      await this.app.limits.consume('request', isKnown(actor) ? actor.userId : origin.address)
    } catch (error) {
      tellRefusal(this.app, origin, door, error, actor)
      throw error
    }
  }

  /** Ends a subscription when its actor's right ends. */
  tie(ending: AbortController, call: Call, onEnd: () => void): void {
    const unwatch = watchActor(this.app.store, call.context.actor, (reason) => ending.abort(new Unauthenticated(reason)))
    call.onEnd = () => {
      unwatch()
      onEnd()
      ending.abort(finished)
    }
  }

  /** Runs what was prepared, and logs how long it took; of a subscription, how long it took to begin. */
  async start(call: Call, prepared: Prepared): Promise<Outcome> {
    const { context, params } = call
    const startedAt = performance.now()
    const outcome = tracing.on ? await traced(tracing.on, call, prepared) : await prepared.run()
    const durationMs = performance.now() - startedAt
    const errors = isLive(outcome) ? undefined : outcome.errors
    const error = errors?.[0]
    requestEnded(prepared.operation, context.actor, durationMs, error)
    this.app.figures.apiCalls.count(context.actor, { operation: operationName(prepared.operation, context.actor), durationMs, isFailed: error !== undefined })
    if (errors) tellRefusals(context, prepared, { errors }, startedAt)
    const level = durationMs > SLOW_MS ? 'info' : 'debug'
    const { log } = this.app
    if (log.isLevelEnabled(level)) {
      const { name, operation } = prepared.operation
      const codes = isLive(outcome) ? undefined : outcome.errors?.map((error) => error.extensions.code)
      log[level](
        {
          requestId: context.origin.requestId,
          operation,
          operationName: params.operationName ?? name?.value,
          durationMs: Math.round(durationMs * 10) / 10,
          codes,
        },
        'Operation',
      )
    }
    return outcome
  }

  /** Ends it when the server stops, until what is answered is called. Refused once the server stops. */
  hold(ending: AbortController): () => void {
    if (this.#stopping) throw new Unavailable('The server is stopping.')
    this.#open.add(ending)
    return () => this.#open.delete(ending)
  }

  /** Ends what is open; what comes later is refused. */
  stop(): void {
    this.#stopping = true
    for (const ending of [...this.#open]) ending.abort(serverStops)
  }
}

/** Of what a stranger says it belongs to nothing is believed: it could make everything be kept. */
function traced(tracer: Tracer, { context, traceparent }: Call, prepared: Prepared): Promise<Outcome> {
  const {
    operation,
    operation: { operation: kind },
  } = prepared
  const name = operationName(operation, context.actor)
  const start = {
    name: `${kind} ${name}`,
    kind: 'SERVER' as const,
    parent: isKnown(context.actor) ? traceparentOf(traceparent) : null,
    attributes: { 'graphql.operation.type': kind, 'graphql.operation.name': name, 'holdfast.request_id': context.origin.requestId },
  }
  return tracer.during(start, async (span) => {
    const outcome = await prepared.run()
    if (!isLive(outcome) && outcome.errors?.length) span.fail(String(outcome.errors[0]!.extensions.code))
    return outcome
  })
}
