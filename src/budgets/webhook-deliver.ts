/** Tells the webhook of a budget of an alert: a signed POST, as the room's README describes it. */
import { createHmac } from 'node:crypto'
import { type Agent, fetch } from 'undici'
import { DomainError, errorCode, NotFound } from '../core/errors.ts'
import { fromGlobalId, toGlobalId } from '../core/ids.ts'
import { AddressRefused, type AddressRules, guardedAgent } from '../core/private-addresses.ts'
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Secrets } from '../secrets.ts'
import type { TaskType } from '../tasks/task-type.ts'
import type { BudgetValues } from './budget.ts'
import { BUDGET_VALUES, toBudgetValues } from './budget.ts'
import { periodAt } from './budget-period.ts'
import { COST_ALERT_VALUES, type CostAlertValues } from './cost-alert.ts'
import { WEBHOOK_TYPE, type WebhookParams } from './webhook-order.ts'

const WEBHOOK_FAILED = errorCode('WEBHOOK_FAILED', 'The webhook could not be reached, or did not answer with 2xx.')

export interface WebhookHost {
  store: Store
  secrets: Secrets
}

class WebhookFailed extends DomainError {
  override readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(WEBHOOK_FAILED, message)
    this.retryable = retryable
  }
}

const TIMEOUT_MS = 15_000

/** What the signature is of: with the time in it, a body that was overheard cannot be sent again later. */
export const signatureOf = (secret: string, seconds: number, body: string): string =>
  `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`

/**
 * `host` is null where the type is only known by name. Anybody may have a webhook, so it is connected to at public addresses only, and at
 * the private ones that the operator allows.
 */
export const webhookDeliver = (host: WebhookHost | null, privateHosts: AddressRules['privateHosts']): TaskType<WebhookParams> => {
  const agent = guardedAgent({ privateHosts, loopback: false })
  return {
    ...WEBHOOK_TYPE,
    async run(task) {
      if (!host) throw new Error('This needs the database.')
      const found = await read(host.store, fromGlobalId(task.params.alertId).id, task.ownerId)
      // The webhook was taken away since.
      if (!found.url || !found.sealed) return { summary: 'The budget has no webhook any more.' }
      const url = new URL(found.url)
      const body = JSON.stringify(bodyOf(found))
      const secret = host.secrets.unseal('webhook-secret', found.sealed, found.budget.id)
      const signature = signatureOf(secret, Math.floor(host.store.clock.nowMs() / 1000), body)
      const headers = { 'content-type': 'application/json', 'user-agent': 'Holdfast', 'holdfast-signature': signature, 'holdfast-delivery': task.id }
      const status = await post(url, { headers, body, agent }, task.signal)
      if (status < 200 || status > 299) throw new WebhookFailed(`${url.host} answered ${status}.`, status >= 500 || status === 429 || status === 408)
      return { result: { status }, summary: `Told ${url.host}.` }
    },
  }
}

interface Post {
  headers: Record<string, string>
  body: string
  agent: Agent
}

async function post(url: URL, { agent, ...post }: Post, cancelled: AbortSignal): Promise<number> {
  try {
    const signal = AbortSignal.any([cancelled, AbortSignal.timeout(TIMEOUT_MS)])
    const response = await fetch(url, { method: 'POST', ...post, redirect: 'manual', dispatcher: agent, signal })
    await response.body?.cancel()
    return response.status
  } catch (error) {
    if (cancelled.aborted) throw error
    if ((error as Error).cause instanceof AddressRefused)
      throw new WebhookFailed(`${url.host} is a private address; the operator can allow it with HTTP_REQUEST_ALLOWED_HOSTS.`, false)
    const cause = (error as { cause?: { code?: string; message?: string } }).cause
    const why = (error as Error).name === 'TimeoutError' ? 'it did not answer in time' : (cause?.code ?? cause?.message ?? (error as Error).message)
    throw new WebhookFailed(`${url.host} could not be told: ${why}.`, true)
  }
}

interface Found {
  alert: CostAlertValues
  budget: BudgetValues
  url: string | null
  sealed: Uint8Array | null
}

async function read({ database }: Store, alertId: string, ownerId: string): Promise<Found> {
  const [alert] = await database.rows<CostAlertValues>(
    Prisma.sql`SELECT ${COST_ALERT_VALUES} FROM "CostAlert" WHERE "id" = ${alertId} AND "ownerId" = ${ownerId}`,
  )
  const [row] = alert
    ? await database.rows<Record<string, unknown>>(Prisma.sql`SELECT ${BUDGET_VALUES}, "webhookSecretSealed" FROM "Budget" WHERE "id" = ${alert.budgetId}`)
    : []
  if (!alert || !row) throw new NotFound('CostAlert')
  const budget = toBudgetValues(row)
  return { alert, budget, url: budget.webhookUrl, sealed: row.webhookSecretSealed as Uint8Array | null }
}

const moment = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

function bodyOf({ alert, budget }: Found): object {
  const { endMs } = periodAt(budget.period, alert.periodStartMs)
  return {
    type: 'cost.alert',
    id: toGlobalId('CostAlert', alert.id),
    createdAt: moment(alert.createdAtMs),
    threshold: alert.threshold,
    spentMicroUsd: alert.spentMicroUsd,
    amountMicroUsd: alert.amountMicroUsd,
    budget: { id: toGlobalId('Budget', budget.id), name: budget.name, scope: budget.scope, period: budget.period },
    periodStart: endMs === null ? null : moment(alert.periodStartMs),
    periodEnd: moment(endMs),
  }
}
