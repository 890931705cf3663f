/** `GET /metrics`: figures for Prometheus. Never open: by a token of its own, or as an ADMIN. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { requireScope, seesAll } from '../core/actor.ts'
import { DomainError, Forbidden } from '../core/errors.ts'
import type { Gauge } from '../core/figures.ts'
import type { App } from '../graphql/context.ts'
import { subscriptionsOpen } from '../graphql/request-figures.ts'
import { PROMETHEUS_TYPE, prometheusText } from '../telemetry/prometheus.ts'
import { sendRefusal, toldOf } from './door-refusal.ts'
import { originOfRequest } from './origin.ts'
import type { Performer } from './perform.ts'
import { send } from './respond.ts'

export const METRICS_PATH = '/metrics'

const digest = (text: string) => createHash('sha256').update(text).digest()

export async function metricsDoor(app: App, performer: Performer, req: IncomingMessage, res: ServerResponse, requestId: string): Promise<void> {
  try {
    await admit(app, performer, req, requestId)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    const told = toldOf(error, requestId, () => {})
    return sendRefusal(res, told, requestId)
  }
  const text = await prometheusText([subscriptions(), ...(await app.figures.gauges())])
  send(res, 200, { 'content-type': PROMETHEUS_TYPE, 'cache-control': 'no-store' }, text)
}

const DOOR = 'GET /metrics'

async function admit(app: App, performer: Performer, req: IncomingMessage, requestId: string): Promise<void> {
  const { METRICS_TOKEN: token, TRUST_PROXY } = app.config
  const given = req.headers.authorization
  // Compared as digests: neither its length nor its beginning shows in how long it takes.
  if (token !== undefined && given && timingSafeEqual(digest(given), digest(`Bearer ${token}`))) return
  const origin = originOfRequest(req, requestId, TRUST_PROXY)
  const actor = requireScope(await performer.admit(given ?? null, origin, DOOR), 'FIGURES_READ')
  if (!seesAll(actor)) throw new Forbidden('Figures of the whole server are for ADMINs.')
}

const subscriptions = (): Gauge => ({
  name: 'holdfast_subscriptions_open',
  help: 'Subscriptions open at this server, by their field.',
  labels: ['field'],
  values: [...subscriptionsOpen()].map(([field, value]) => ({ labels: [field], value })),
})
