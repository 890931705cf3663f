import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { entriesOf, taskCreate } from './audit.ts'

describe.each(dialects())('the trail on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let ada: TestUser
  let bob: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0', TRUST_PROXY: '1' } })
    admin = await world.user('admin')
    ada = await world.user('ada')
    bob = await world.user('bob')
  })
  afterAll(() => world.close())

  const from = (address: string) => ({ 'x-forwarded-for': address, 'user-agent': 'a test', 'x-request-id': newId() })
  const CREATE = 'mutation Make($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code } } }'
  const input = { type: 'http.request', params: { url: 'http://127.0.0.1/' }, runImmediately: false }

  it('tells of a mutation who, through what, from where, what about and how it went', async () => {
    const headers = from('192.0.2.7')
    const { data } = await world.ask(CREATE, { input }, ada, headers)
    const [entry] = await entriesOf(world, admin, { requestId: { eq: headers['x-request-id'] } })
    expect(entry).toMatchObject({
      kind: 'MUTATION',
      operation: 'taskCreate',
      operationName: 'Make',
      userId: ada.id,
      sessionId: expect.stringMatching(/^Session:/),
      apiKeyId: null,
      subjectId: data.taskCreate.task.id,
      succeeded: true,
      code: null,
      address: '192.0.2.7',
      userAgent: 'a test',
      email: null,
      isPersonalDataRemoved: false,
    })
    expect(entry!.durationMs).toBeGreaterThanOrEqual(0)
  })

  it('names the API key that a call came through', async () => {
    const payload = await world.does(
      'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKey { id } secret userErrors { code message } } }',
      { input: { name: 'worker', scopes: ['TASKS_WRITE'] } },
      ada,
    )
    const headers = from('192.0.2.8')
    await world.ask(CREATE, { input }, payload.secret, headers)
    const [entry] = await entriesOf(world, admin, { requestId: { eq: headers['x-request-id'] } })
    expect(entry).toMatchObject({ operation: 'taskCreate', userId: ada.id, apiKeyId: payload.apiKey.id, sessionId: null })
  })

  it('tells of refusals: by user errors, by right, before the request was read', async () => {
    const headers = from('192.0.2.9')
    const ask = (query: string, variables: object, token?: TestUser | string) => world.ask(query, variables as Record<string, unknown>, token, headers)
    await ask(CREATE, { input: { ...input, type: 'no.such' } }, ada)
    await ask('mutation ($id: ID!) { taskCancel(input: { id: $id }) { userErrors { code } } }', { id: `Task:${newId()}` }, ada)
    await ask('query Everybody { list: users { nodes { id } } }', {}, ada)
    await ask('mutation { apiKeyCreate(input: { name: "x", scopes: [TASKS_READ] }) { userErrors { code } } }', {})
    await ask('{ viewer { id } }', {}, 'hf_not_a_key')
    const entries = await entriesOf(world, admin, { requestId: { eq: headers['x-request-id'] } })
    expect(entries.map(({ kind, operation, code, userId }) => [kind, operation, code, userId])).toEqual([
      ['MUTATION', 'taskCreate', 'UNKNOWN_TASK_TYPE', ada.id],
      ['MUTATION', 'taskCancel', 'NOT_FOUND', ada.id],
      ['QUERY', 'users', 'FORBIDDEN', ada.id],
      ['MUTATION', 'apiKeyCreate', 'UNAUTHENTICATED', null],
      ['REQUEST', 'POST /graphql', 'UNAUTHENTICATED', null],
    ])
    expect(entries.map(({ succeeded }) => succeeded)).toEqual([false, false, false, false, false])
    expect(entries[1]!.subjectId).toMatch(/^Task:/)
    expect(entries[2]!.operationName).toBe('Everybody')
  })

  it('tells of logins, with the address that was tried where they fail, and never the password', async () => {
    const LOGIN =
      'mutation ($email: String!, $password: String!) { sessionCreate(input: { email: $email, password: $password }) { session { id } userErrors { code } } }'
    const headers = from('192.0.2.10')
    const { data } = await world.ask(LOGIN, { email: bob.email, password: bob.password }, null, headers)
    await world.ask(LOGIN, { email: bob.email.toUpperCase(), password: 'a wrong password' }, null, headers)
    const [right, wrong] = await entriesOf(world, admin, { requestId: { eq: headers['x-request-id'] } })
    expect(right).toMatchObject({ operation: 'sessionCreate', userId: bob.id, subjectId: data.sessionCreate.session.id, succeeded: true, email: null })
    expect(wrong).toMatchObject({ operation: 'sessionCreate', userId: null, subjectId: null, code: 'INVALID_CREDENTIALS', email: bob.email })
  })

  it('tells once of a mutation that is sent again, and of the second one that it changed nothing', async () => {
    const key = { idempotencyKey: newId() }
    const first = await taskCreate(world, ada, key)
    const again = await taskCreate(world, ada, key)
    expect(again.task.id).toBe(first.task.id)
    const entries = await entriesOf(world, admin, { userId: { eq: ada.id }, operation: { eq: 'taskCreate' } })
    expect(entries.slice(-2).map(({ subjectId, succeeded }) => [subjectId, succeeded])).toEqual([
      [first.task.id, true],
      [null, true],
    ])
  })

  it('tells nothing of success where the change was rolled back', async () => {
    const id = `Task:${newId()}`
    await taskCreate(world, ada, { id })
    const headers = from('192.0.2.11')
    // The id is taken, which the database says in the middle of the transaction.
    await world.ask(CREATE, { input: { ...input, id } }, bob, headers)
    const entries = await entriesOf(world, admin, { requestId: { eq: headers['x-request-id'] } })
    expect(entries.map(({ code, succeeded }) => [code, succeeded])).toEqual([['ID_TAKEN', false]])
    expect((await entriesOf(world, admin, { subjectId: { eq: id } })).map(({ userId, succeeded }) => [userId, succeeded])).toEqual([
      [ada.id, true],
      [bob.id, false],
    ])
  })

  it('stands in the order of the commits without a hole, also for what many do at once', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, i) => taskCreate(world, i % 2 ? ada : bob, i % 3 ? {} : { idempotencyKey: newId() })))
    const positions = (await entriesOf(world, admin)).map(({ position }) => position)
    expect(positions).toEqual(positions.map((_, i) => i + 1))
  })

  it('tells of appended chunks, which write no event, in the transaction that appends them', async () => {
    const opened = await world.does('mutation { streamOpen(input: {}) { stream { id } producerToken userErrors { code message } } }', {}, ada)
    const append = (afterSeq: number) =>
      world.ask(
        'mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { code } } }',
        { input: { id: opened.stream.id, producerToken: opened.producerToken, afterSeq, chunks: [{ content: 'a secret thought' }] } },
        ada,
      )
    for (const afterSeq of [-1, 0, 0]) await append(afterSeq)
    const entries = await entriesOf(world, admin, { operation: { eq: 'streamAppend' } })
    expect(entries.map(({ subjectId, succeeded }) => [subjectId, succeeded])).toEqual([
      [opened.stream.id, true],
      [opened.stream.id, true],
      [opened.stream.id, false],
    ])
  })

  it('shows users what they did, and nothing of others', async () => {
    expect(new Set((await entriesOf(world, ada)).map(({ userId }) => userId))).toEqual(new Set([ada.id]))
    expect(await entriesOf(world, ada, { userId: { eq: bob.id } })).toEqual([])
    const [foreign] = await entriesOf(world, bob)
    const asked = await world.ask(
      'query ($id: ID!, $address: String!) { auditEntry(id: $id) { id } node(id: $id) { id } auditEntries(address: $address) { totalCount } }',
      { id: foreign!.id, address: '192.0.2.10' },
      ada,
    )
    expect(asked.data).toEqual({ auditEntry: null, node: null, auditEntries: { totalCount: 0 } })
    expect((await world.ask('query ($id: ID!) { auditEntry(id: $id) { operation user { email } subject { id } } }', { id: foreign!.id }, bob)).data).toEqual({
      auditEntry: { operation: foreign!.operation, user: { email: bob.email }, subject: { id: foreign!.subjectId } },
    })
    expect((await world.ask('{ auditVerify { isIntact } }', {}, ada)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  it('finds what came from an address', async () => {
    const { data } = await world.ask('{ auditEntries(address: "192.0.2.10") { totalCount nodes { operation } } }', {}, admin)
    expect(data.auditEntries).toEqual({ totalCount: 2, nodes: [{ operation: 'sessionCreate' }, { operation: 'sessionCreate' }] })
  })

  it('holds no secret: no password, token, key or content that was given', async () => {
    const rows = await world.app.store.database.rows<object>(Prisma.sql`SELECT * FROM "AuditEntry"`)
    const origins = await world.app.store.database.rows<object>(Prisma.sql`SELECT * FROM "AuditOrigin"`)
    const text = JSON.stringify([rows, origins])
    for (const user of [admin, ada, bob]) for (const secret of [user.password, user.accessToken, user.refreshToken]) expect(text).not.toContain(secret)
    for (const secret of ['a wrong password', 'a secret thought', 'hf_not_a_key', 'http://127.0.0.1/']) expect(text).not.toContain(secret)
    expect(JSON.stringify(rows)).not.toContain('@example.com')
    expect(JSON.stringify(rows)).not.toContain('192.0.2.')
  })
})

describe.each(dialects())('without a trail on %s', (dialect) => {
  it('nothing is written', async () => {
    const world = await openWorld(dialect, { env: { AUDIT: 'off', TASK_CONCURRENCY: '0' } })
    const admin = await world.user()
    await taskCreate(world, admin)
    await world.ask('{ users { nodes { id } } }', {}, null)
    expect(await entriesOf(world, admin)).toEqual([])
    await world.close()
  })
})
