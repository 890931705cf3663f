import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { whenStatus } from '../tasks/task.ts'
import { bare, type Caller, called, caller, openTaskWorld, price, type TaskWorld, tokens } from '../usage/metered.ts'
import { create, UPDATE } from './budget.ts'

const FOLLOW =
  'subscription ($after: Cursor) { costAlerts(after: $after) { cursor alertId budgetId threshold spentMicroUsd amountMicroUsd alert { id budget { name } } } }'
const LIST =
  'query ($filter: CostAlertFilter) { costAlertList(filter: $filter) { totalCount nodes { id threshold spentMicroUsd amountMicroUsd periodStart createdAt budget { id } } } }'

describe.each(dialects())('cost alerts on %s', (dialect) => {
  let on: TaskWorld
  let cy: TestUser
  let by: Caller
  let hook: Server
  let host: string
  const heard: { headers: IncomingHttpHeaders; body: string }[] = []
  let answers: number[] = []
  beforeAll(async () => {
    hook = createServer((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () => {
        heard.push({ headers: request.headers, body })
        response.writeHead(answers.shift() ?? 204).end()
      })
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    host = `127.0.0.1:${(hook.address() as AddressInfo).port}`
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '100', HTTP_REQUEST_ALLOWED_HOSTS: host } })
    await price(on.world)
  })
  afterAll(async () => {
    await on.world.close()
    hook.close()
  })
  beforeEach(async () => {
    cy = await on.world.user('cy')
    by = await caller(on, cy)
    heard.length = 0
    answers = []
  })

  const spend = (microUsd: number) => called(on.world, by.call({ inputTokens: 1, maxOutputTokens: 1 }), { tokens: tokens(microUsd, 0) })
  const listed = async (id: string) => (await on.world.ask(LIST, { filter: { budgetId: { eq: id } } }, cy)).data.costAlertList.nodes
  const thresholds = async (id: string) => (await listed(id)).map(({ threshold }: { threshold: number }) => threshold).sort((a: number, b: number) => a - b)

  it('come once for each threshold that is passed, live and in the list', async () => {
    const { id, name } = await create(on.world, cy, { amountMicroUsd: 1000 })
    const follower = await on.world.follow(FOLLOW, {}, cy)
    const { data } = await on.world.ask('{ eventCursor }', {}, cy)
    const first = follower.take()
    await spend(499)
    expect(await listed(id)).toEqual([])
    await spend(1)
    const alert = await first
    expect(alert).toMatchObject({ budgetId: id, threshold: 50, spentMicroUsd: 500, amountMicroUsd: 1000, alert: { budget: { name } } })
    await spend(100)
    await spend(500)
    expect([await follower.take(), await follower.take()]).toMatchObject([
      { threshold: 80, spentMicroUsd: 1100 },
      { threshold: 100, spentMicroUsd: 1100 },
    ])
    await follower.stop()
    const late = await on.world.follow(FOLLOW, { after: data.eventCursor }, cy)
    expect([await late.take(), await late.take(), await late.take()].map(({ threshold }) => threshold)).toEqual([50, 80, 100])
    await late.stop()
    expect(await thresholds(id)).toEqual([50, 80, 100])
    expect((await listed(id)).find((each: { threshold: number }) => each.threshold === 50)).toMatchObject({
      id: alert.alertId,
      spentMicroUsd: 500,
      periodStart: null,
    })
    expect((await on.world.ask(LIST, { filter: { budgetId: { eq: id } } }, on.bob)).data.costAlertList.totalCount).toBe(0)
  })

  it('are told once, also where calls end at the same time', async () => {
    const { id } = await create(on.world, cy, { amountMicroUsd: 1000, alertThresholds: [10] })
    await Promise.all(Array.from({ length: 10 }, () => spend(60)))
    expect(await thresholds(id)).toEqual([10])
  })

  it('come at once where a budget is made, or lowered, beyond them, and not twice', async () => {
    await spend(100)
    const { id } = await create(on.world, cy, { amountMicroUsd: 150 })
    expect(await thresholds(id)).toEqual([50])
    await on.world.does(UPDATE, { input: { id, amountMicroUsd: 110 } }, cy)
    expect(await thresholds(id)).toEqual([50, 80])
    await on.world.does(UPDATE, { input: { id, amountMicroUsd: 100, alertThresholds: [50, 90] } }, cy)
    expect(await thresholds(id)).toEqual([50, 80, 90])
  })

  it('of a budget that is not enabled do not come', async () => {
    const { id } = await create(on.world, cy, { amountMicroUsd: 10, enabled: false })
    await spend(100)
    expect(await listed(id)).toEqual([])
    await on.world.does(UPDATE, { input: { id, enabled: true } }, cy)
    expect(await thresholds(id)).toEqual([50, 80, 100])
  })

  const deliveries = () => on.world.client.task.findMany({ where: { type: 'webhook.deliver', ownerId: bare(cy.id) } })

  it('are told to a webhook, signed, by a task that holds no secret', async () => {
    const secret = 'the secret of a webhook'
    const { id } = await create(on.world, cy, { amountMicroUsd: 100, alertThresholds: [50], webhook: { url: `http://${host}/hook`, secret } })
    answers = [503]
    await spend(60)
    const [task] = await deliveries()
    await whenStatus(on.world, cy, `Task:${task!.id}`, 'COMPLETED')
    expect(heard).toHaveLength(2)
    const { headers, body } = heard[1]!
    const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['holdfast-signature'] as string)!
    expect(signature).toBe(createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex'))
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'holdfast-delivery': task!.id })
    const [alert] = await listed(id)
    expect(JSON.parse(body)).toEqual({
      type: 'cost.alert',
      id: alert.id,
      createdAt: alert.createdAt,
      threshold: 50,
      spentMicroUsd: 60,
      amountMicroUsd: 100,
      budget: { id, name: expect.any(String), scope: 'USER', period: 'TOTAL' },
      periodStart: null,
      periodEnd: null,
    })
    expect(JSON.stringify(task!.params)).toBe(JSON.stringify({ alertId: alert.id }))
  })

  it.each([
    ['at a name that stands for a private address', 'http://localhost:8080/hook', [], /private address/],
    ['that refuses', null, [404], /answered 404/],
  ])('to a webhook %s fail by themselves', async (_what, url, given, error) => {
    await create(on.world, cy, { amountMicroUsd: 100, alertThresholds: [50], webhook: { url: url ?? `http://${host}/hook`, secret: 'x'.repeat(16) } })
    answers = [...given]
    await spend(60)
    const [task] = await deliveries()
    await whenStatus(on.world, cy, `Task:${task!.id}`, 'FAILED')
    expect((await on.world.client.task.findUniqueOrThrow({ where: { id: task!.id } })).error).toMatch(error)
    expect(heard).toHaveLength(given.length)
  })
})
