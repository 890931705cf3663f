import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MAX_BUDGETS } from '../../src/budgets/budget.ts'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { bare, openTaskWorld, type TaskWorld } from '../usage/metered.ts'
import { BUDGET, CREATE, create, DELETE, inputOf, read, stateOf, UPDATE } from './budget.ts'

describe.each(dialects())('budgets on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
  })
  afterAll(() => on.world.close())

  const refused = (input: object, user = on.ada) => on.world.refused(CREATE, { input: inputOf(input) }, user)
  const fault = (code: string, ...path: string[]) => expect.objectContaining({ code, path: ['input', ...path] })
  const secret = 'a secret of 26 characters.'

  it('keep every field they are given, but show no secret', async () => {
    const given = {
      id: `Budget:${newId()}`,
      name: 'Nachts – 夜',
      scope: 'TASK_TYPE',
      taskType: 'text.generate',
      period: 'WEEK',
      amountMicroUsd: 12_345,
      enabled: false,
    }
    const input = { ...given, userId: on.bob.id, alertThresholds: [100, 5, 5], webhook: { url: 'https://example.com/hook', secret } }
    const budget = (await on.world.does(CREATE, { input }, on.admin)).budget
    expect(budget).toMatchObject({
      ...given,
      user: { id: on.bob.id },
      alertThresholds: [5, 100],
      webhookUrl: 'https://example.com/hook',
      owner: { id: on.admin.id },
    })
    expect(budget).toMatchObject({ spentMicroUsd: 0, reservedMicroUsd: 0, remainingMicroUsd: 12_345, conversation: null })
    expect(new Date(budget.periodStart).getUTCDay()).toBe(1)
    expect(Date.parse(budget.periodEnd) - Date.parse(budget.periodStart)).toBe(7 * 86_400_000)
    const row = await on.world.client.budget.findUniqueOrThrow({ where: { id: bare(given.id) } })
    expect(Buffer.from(row.webhookSecretSealed!).includes(secret)).toBe(false)
    expect(on.world.app.secrets.unseal('webhook-secret', row.webhookSecretSealed!, row.id)).toBe(secret)
    const written = JSON.stringify([await on.world.client.event.findMany(), await on.world.client.idempotencyKey.findMany()], (_key, value) =>
      typeof value === 'bigint' ? Number(value) : value,
    )
    expect(written).not.toContain(secret)
    expect((await on.world.does(CREATE, { input }, on.admin)).budget).toEqual(budget)
  })

  it('are filled in where something is left out', async () => {
    expect(await create(on.world, on.ada)).toMatchObject({
      scope: 'USER',
      user: { id: on.ada.id },
      taskType: null,
      alertThresholds: [50, 80, 100],
      webhookUrl: null,
      enabled: true,
      periodStart: null,
      periodEnd: null,
    })
    expect(await create(on.world, on.ada, { scope: 'TASK_TYPE', taskType: 'x' })).toMatchObject({ user: { id: on.ada.id } })
    expect(await create(on.world, on.admin, { scope: 'TASK_TYPE', taskType: 'x' })).toMatchObject({ user: null })
  })

  it.each([
    ['no name', { name: '' }, ['BAD_USER_INPUT', 'name']],
    ['nothing to spend', { amountMicroUsd: 0 }, ['BAD_USER_INPUT', 'amountMicroUsd']],
    ['more than there is', { amountMicroUsd: 2e15 }, ['BAD_USER_INPUT', 'amountMicroUsd']],
    ['a threshold of 0', { alertThresholds: [0] }, ['BAD_USER_INPUT', 'alertThresholds', '0']],
    ['too many thresholds', { alertThresholds: Array.from({ length: 21 }, (_, i) => i + 1) }, ['BAD_USER_INPUT', 'alertThresholds']],
    ['a task type without one', { scope: 'TASK_TYPE' }, ['BAD_USER_INPUT', 'taskType']],
    ['a task type of a user', { taskType: 'x' }, ['BAD_USER_INPUT', 'taskType']],
    ['a conversation without one', { scope: 'CONVERSATION' }, ['BAD_USER_INPUT', 'conversationId']],
    ['a conversation that is not there', { scope: 'CONVERSATION', conversationId: `Conversation:${newId()}` }, ['NOT_FOUND', 'conversationId']],
    ['a webhook that is no URL', { webhook: { url: 'ftp://x', secret: 'x'.repeat(16) } }, ['BAD_USER_INPUT', 'webhook', 'url']],
    ['a webhook at a private address', { webhook: { url: 'http://169.254.169.254/x', secret: 'x'.repeat(16) } }, ['BAD_USER_INPUT', 'webhook', 'url']],
    ['a webhook with a short secret', { webhook: { url: 'https://x', secret: 'short' } }, ['BAD_USER_INPUT', 'webhook', 'secret']],
    ['an id of another type', { id: `Task:${newId()}` }, ['BAD_USER_INPUT', 'id']],
    ['a user who is not there', { userId: `User:${newId()}` }, ['NOT_FOUND', 'userId']],
  ])('are refused with %s, and nothing changes', async (_what, input, [code, ...path]) => {
    const before = await stateOf(on.world)
    expect(await refused(input)).toEqual([fault(code!, ...path)])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('for others, or for everything, are an ADMIN’s to make', async () => {
    const before = await stateOf(on.world)
    expect(await refused({ userId: on.bob.id })).toEqual([fault('NOT_FOUND', 'userId')])
    expect((await on.world.ask(CREATE, { input: inputOf({ scope: 'EVERYTHING' }) }, on.ada)).errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect((await on.world.ask(CREATE, { input: inputOf() })).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
    expect(await stateOf(on.world)).toEqual(before)
    expect(await create(on.world, on.admin, { scope: 'EVERYTHING' })).toMatchObject({ scope: 'EVERYTHING', user: null })
  })

  it('are seen by their owner, by whom they name, and by ADMINs; and changed by their owner and ADMINs alone', async () => {
    const { id } = await create(on.world, on.admin, { userId: on.bob.id })
    const list = async (user = on.ada) =>
      (await on.world.ask(`query ($filter: BudgetFilter) { budgets(filter: $filter) { totalCount nodes { id } } }`, { filter: { id: { eq: id } } }, user)).data
        .budgets
    expect([await read(on.world, on.bob, id), await read(on.world, on.ada, id)]).toMatchObject([{ id }, null])
    expect([(await list(on.bob)).totalCount, (await list(on.ada)).totalCount, (await list(on.admin)).totalCount]).toEqual([1, 0, 1])
    const before = await stateOf(on.world)
    for (const [mutation, input] of [
      [UPDATE, { id, name: 'mine' }],
      [DELETE, { id }],
    ] as const)
      for (const user of [on.bob, on.ada]) expect(await on.world.refused(mutation, { input }, user)).toEqual([fault('NOT_FOUND', 'id')])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('are changed as far as is asked for, and told', async () => {
    const budget = await create(on.world, on.ada, { webhook: { url: 'https://example.com/a', secret } })
    const { updatedAt: _then, ...rest } = budget
    const update = { name: 'other', amountMicroUsd: 5, alertThresholds: [10], enabled: false }
    const changed = (await on.world.does(UPDATE, { input: { id: budget.id, ...update } }, on.ada)).budget
    expect(changed).toMatchObject({ ...rest, ...update, remainingMicroUsd: 5 })
    expect((await on.world.does(UPDATE, { input: { id: budget.id } }, on.ada)).budget).toEqual(changed)
    expect((await on.world.does(UPDATE, { input: { id: budget.id, webhook: null } }, on.ada)).budget).toMatchObject({ ...update, webhookUrl: null })
    expect(await on.world.refused(UPDATE, { input: { id: budget.id, amountMicroUsd: -1 } }, on.ada)).toEqual([fault('BAD_USER_INPUT', 'amountMicroUsd')])
    const events = await on.world.client.event.findMany({ where: { subjectId: bare(budget.id) }, orderBy: { position: 'asc' } })
    expect(events.map(({ kind }) => kind)).toEqual(['BUDGET_CREATED', 'BUDGET_UPDATED', 'BUDGET_UPDATED'])
    expect(events[1]!.data).toMatchObject({ amountMicroUsd: 5, before: { amountMicroUsd: 1000, enabled: true } })
  })

  it('are gone once deleted, once', async () => {
    const { id } = await create(on.world, on.ada)
    const removed = await Promise.all([1, 2].map(() => on.world.ask(DELETE, { input: { id } }, on.ada)))
    expect(removed.map(({ data }) => data.budgetDelete.deletedId).sort()).toEqual([id, null])
    expect(await read(on.world, on.ada, id)).toBeNull()
    expect(await on.world.client.budgetSpent.count({ where: { budgetId: bare(id) } })).toBe(0)
  })

  it('of a page are read by a few statements, calls and alerts too', async () => {
    for (const scope of ['USER', 'USER', 'USER']) await create(on.world, on.bob, { scope })
    const query = `{ budgets(first: 50) { nodes { ${BUDGET} usages(first: 2) { totalCount nodes { id } } alerts(first: 2) { totalCount nodes { id } } } } }`
    const { answer, statements } = await statementsOf(() => on.world.ask(query, {}, on.admin))
    expect(answer.data.budgets.nodes.length).toBeGreaterThan(5)
    expect(statements.length).toBeLessThanOrEqual(16)
  })

  it(`stop at ${MAX_BUDGETS} for each owner`, async () => {
    const cy = await on.world.user('cy')
    const { id: _id, ...one } = await on.world.client.budget.findFirstOrThrow({ where: { ownerId: bare(on.ada.id), webhookUrl: null } })
    await on.world.client.budget.createMany({
      data: Array.from({ length: MAX_BUDGETS - 1 }, () => ({ ...one, id: newId(), ownerId: bare(cy.id), userId: bare(cy.id), alertThresholds: [] })) as never,
    })
    const last = await Promise.all([1, 2].map(() => on.world.ask(CREATE, { input: inputOf() }, cy)))
    expect(last.map(({ data }) => data.budgetCreate.userErrors[0]?.code ?? 'made').sort()).toEqual(['BUDGET_LIMIT_REACHED', 'made'])
  })
})
