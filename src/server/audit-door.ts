/** `GET /audit/export`: the trail as a file, JSONL or CSV, with the rights of `auditEntries`. An error is answered as JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { auditExport, type Exporting } from '../audit/audit-export.ts'
import { chainRead } from '../audit/chain.ts'
import { type KnownActor, requireScope, stranger } from '../core/actor.ts'
import { BadUserInput, RateLimited, Unauthenticated } from '../core/errors.ts'
import type { App, Origin } from '../graphql/context.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import { sendRefusal, toldOf } from './door-refusal.ts'
import { OpenResponses } from './open-responses.ts'
import { originOfRequest } from './origin.ts'
import type { Performer } from './perform.ts'
import { tellRefusal } from './refusals.ts'
import { send, sendEvents, sendJson } from './respond.ts'

export const AUDIT_EXPORT_PATH = '/audit/export'
const DOOR = `GET ${AUDIT_EXPORT_PATH}`
const METHODS = 'GET, OPTIONS'
const MAX_OPEN = 2

const place = z
  .string()
  .regex(/^\d{1,15}$/, 'is a place in the trail')
  .transform(Number)
const moment = z.iso.datetime({ offset: true, error: 'reads like 2026-01-31T12:00:00Z' }).transform((text) => Date.parse(text))
const ASKED = z.strictObject({
  format: z.enum(['jsonl', 'csv'], { error: 'is jsonl or csv' }).default('jsonl'),
  after: place.default(0),
  from: moment.optional(),
  before: moment.optional(),
  refused: z.enum(['1'], { error: 'is 1, or left out' }).optional(),
})
const HEADERS = {
  jsonl: { 'content-type': 'application/jsonl; charset=utf-8', 'content-disposition': 'attachment; filename="audit.jsonl"' },
  csv: { 'content-type': 'text/csv; charset=utf-8; header=present', 'content-disposition': 'attachment; filename="audit.csv"' },
}

export class AuditDoor {
  readonly #open: OpenResponses

  constructor(
    readonly app: App,
    readonly performer: Performer,
  ) {
    this.#open = new OpenResponses(performer, MAX_OPEN, 'exports may be under way')
  }

  async open(req: IncomingMessage, res: ServerResponse, requestId: string): Promise<void> {
    const { app } = this
    const { headers } = req
    const cors = corsHeaders(app.config, headers.origin)
    for (const name in cors) res.setHeader(name, cors[name]!)
    if (req.method === 'OPTIONS') return send(res, 204, { ...preflightHeaders(app.config, headers.origin), allow: METHODS })
    if (req.method !== 'GET') return sendJson(res, 405, { error: 'The trail is read by GET.' }, { allow: METHODS })
    const origin = originOfRequest(req, requestId, app.config.TRUST_PROXY)
    try {
      const actor = await this.#admit(headers.authorization, origin)
      const exporting = await this.#asked(req.url!)
      this.#send(res, actor, exporting)
      app.audit.succeeded(actor, app.audit.call(origin, { kind: 'REQUEST', operation: DOOR }))
    } catch (error) {
      const told = toldOf(error, requestId, (cause) => app.log.error({ requestId, err: cause }, 'An export failed'))
      sendRefusal(res, told, requestId)
    }
  }

  async #admit(authorization: string | undefined, origin: Origin): Promise<KnownActor> {
    const actor = authorization === undefined ? stranger : await this.performer.admit(authorization, origin, DOOR)
    try {
      if (authorization === undefined) {
        await this.performer.count(actor, origin, DOOR)
        throw new Unauthenticated('Send `Authorization: Bearer …`.')
      }
      return requireScope(actor, 'AUDIT_READ')
    } catch (error) {
      if (!(error instanceof RateLimited)) tellRefusal(this.app, origin, DOOR, error, actor)
      throw error
    }
  }

  async #asked(url: string): Promise<Exporting> {
    const given = ASKED.safeParse(Object.fromEntries(new URL(url, 'http://localhost').searchParams))
    if (!given.success)
      throw new BadUserInput(`${given.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(' ')).join('; ')}.`)
    const { format, after, from: fromMs, before: beforeMs, refused } = given.data
    // What is added while it is sent, not least the entry of this very export, is for the next one.
    const { position: through } = await chainRead(this.app.store.database)
    return { format, after, through, fromMs, beforeMs, refusedOnly: refused === '1' }
  }

  #send(res: ServerResponse, actor: KnownActor, exporting: Exporting): void {
    const ending = this.#open.begin(res, actor)
    // A file that was cut short must not look whole.
    ending.addEventListener('abort', () => res.destroy(), { once: true })
    sendEvents(res, streamOf(auditExport(this.app.store.database, actor, exporting)), { ...HEADERS[exporting.format], 'cache-control': 'no-store' })
  }
}

/** Made as it is taken. */
function streamOf(texts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const step = await texts.next()
      if (step.done) controller.close()
      else controller.enqueue(encoder.encode(step.value))
    },
    async cancel() {
      await texts.return(undefined)
    },
  })
}
