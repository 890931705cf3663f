import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { usageFold } from '../../src/usage/usage-fold.ts'
import { allSums } from '../../src/usage/usage-sum.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { bare } from '../tasks/task.ts'

const SUMS = `query ($groupBy: [UsageGroup!]!, $from: DateTime, $to: DateTime, $filter: UsageSumFilter, $first: Int) {
  usageSums(groupBy: $groupBy, from: $from, to: $to, filter: $filter, first: $first) {
    day provider model taskType user { id } calls failedCalls unpricedCalls inputTokens cachedInputTokens outputTokens reasoningTokens costMicroUsd durationMs } }`
const DAY = 86_400_000
const FIRST_DAY = 20_000

interface Row {
  ownerId: string
  provider: string
  model: string
  taskType: string | null
  day: number
  status: 'COMPLETED' | 'FAILED'
  inputTokens: number
  outputTokens: number
  costMicroUsd: bigint | null
  durationMs: number
}

describe.each(dialects())('sums of usage on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let ada: TestUser
  let bob: TestUser
  const ledger: Row[] = []
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    ;[admin, ada, bob] = [await world.user('admin'), await world.user('ada'), await world.user('bob')]
  })
  afterAll(() => world.close())

  async function write(rows: readonly Row[]): Promise<void> {
    ledger.push(...rows)
    await world.client.providerUsage.createMany({
      data: rows.map((row) => ({
        ...row,
        id: newId(),
        priceSource: 'OPERATOR' as const,
        startedAtMs: BigInt(row.day * DAY + 5),
        endedAtMs: BigInt(row.day * DAY + 9),
      })),
    })
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
  const ask = async (user: TestUser, variables: object): Promise<any[]> => {
    const answer = await world.ask(SUMS, { first: 1000, ...variables }, user)
    expect(answer.errors).toBeUndefined()
    return answer.data.usageSums
  }

  /** The same, out of what was written. */
  function expected(rows: readonly Row[], keyOf: (row: Row) => object): object[] {
    const groups = new Map<string, Row[]>()
    for (const row of rows) groups.set(JSON.stringify(keyOf(row)), [...(groups.get(JSON.stringify(keyOf(row))) ?? []), row])
    const sum = (of: Row[], value: (row: Row) => number) => of.reduce((total, row) => total + value(row), 0)
    return [...groups].map(([key, of]) => ({
      ...JSON.parse(key),
      calls: of.length,
      failedCalls: of.filter(({ status }) => status === 'FAILED').length,
      unpricedCalls: of.filter(({ costMicroUsd }) => costMicroUsd === null).length,
      inputTokens: sum(of, (row) => row.inputTokens),
      outputTokens: sum(of, (row) => row.outputTokens),
      costMicroUsd: of.every(({ costMicroUsd }) => costMicroUsd === null) ? null : sum(of, (row) => Number(row.costMicroUsd ?? 0)),
      durationMs: sum(of, (row) => row.durationMs),
    }))
  }

  const rowOf = (owners: readonly string[]) =>
    fc.record<Row>({
      ownerId: fc.constantFrom(...owners),
      provider: fc.constantFrom('openai', 'anthropic'),
      model: fc.constantFrom('a', 'b', 'c'),
      taskType: fc.constantFrom('text.generate', 'other', null),
      day: fc.integer({ min: FIRST_DAY, max: FIRST_DAY + 3 }),
      status: fc.constantFrom('COMPLETED', 'FAILED'),
      inputTokens: fc.integer({ min: 0, max: 1_000_000 }),
      outputTokens: fc.integer({ min: 0, max: 100_000 }),
      costMicroUsd: fc.option(fc.bigInt({ min: 0n, max: 10n ** 12n })),
      durationMs: fc.integer({ min: 0, max: 100_000 }),
    })

  it('equal the calls, after any history, whether these are added to sums already or not', { timeout: 120_000 }, async () => {
    const { store } = world.app
    const step = fc.oneof(fc.array(rowOf([bare(ada.id), bare(bob.id)]), { maxLength: 20 }), fc.constant('fold' as const))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        for (const each of steps) await (each === 'fold' ? Promise.all([usageFold(store), usageFold(store)]) : write(each))
        const byId = (rows: object[]) => [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
        const day = ({ day: of }: Row) => new Date(of * DAY).toISOString()
        const matches = (found: object[], rows: readonly Row[], keyOf: (row: Row) => object) =>
          expect(
            byId(
              found
                .map((row) => Object.fromEntries(Object.entries(row).filter(([key, value]) => value !== null || key === 'costMicroUsd')))
                .map(({ cachedInputTokens, reasoningTokens, ...row }: Record<string, unknown>) => row),
            ),
          ).toEqual(byId(expected(rows, keyOf)))
        matches(await ask(admin, { groupBy: ['DAY', 'PROVIDER', 'MODEL', 'USER', 'TASK_TYPE'] }), ledger, (row) => ({
          day: day(row),
          provider: row.provider,
          model: row.model,
          taskType: row.taskType ?? '',
          user: { id: `User:${row.ownerId}` },
        }))
        const adas = ledger.filter(({ ownerId }) => ownerId === bare(ada.id))
        matches(await ask(ada, { groupBy: ['MODEL'] }), adas, ({ model }) => ({ model }))
        const some = adas.filter((row) => row.day >= FIRST_DAY + 1 && row.day < FIRST_DAY + 3 && row.provider === 'openai')
        const [from, to] = [FIRST_DAY + 1, FIRST_DAY + 3].map((of) => new Date(of * DAY).toISOString())
        matches(await ask(ada, { groupBy: ['DAY'], from, to, filter: { provider: { eq: 'openai' } } }), some, (row) => ({ day: day(row) }))
      }),
      { numRuns: 12 },
    )
    // What the server itself is folding just then is passed over.
    const left = async () => {
      await usageFold(store)
      return world.client.providerUsage.count({ where: { isSummed: false } })
    }
    await expect.poll(left, { timeout: 10_000 }).toBe(0)
  })

  it('grouped by nothing are one sum, of nobody else’s calls', async () => {
    const cy = await world.user('cy')
    expect(await ask(cy, { groupBy: [] })).toMatchObject([{ day: null, user: null, calls: 0, costMicroUsd: 0 }])
    expect(await ask(cy, { groupBy: ['USER'] })).toEqual([])
    expect(await ask(cy, { groupBy: [], filter: { ownerId: { eq: ada.id } } })).toMatchObject([{ calls: 0 }])
  })

  it('come by days, then the dearest first, no more than asked for', async () => {
    const rows = await ask(admin, { groupBy: ['DAY', 'MODEL'] })
    const order = [...rows].sort((a, b) => (a.day === b.day ? b.costMicroUsd - a.costMicroUsd : a.day < b.day ? -1 : 1))
    expect(rows).toEqual(order)
    expect(await ask(admin, { groupBy: ['DAY', 'MODEL'], first: 2 })).toEqual(rows.slice(0, 2))
    for (const first of [0, 1001]) expect((await world.ask(SUMS, { groupBy: [], first }, ada)).errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
  })

  it('are read without a look at all calls', async () => {
    const statement = Prisma.sql`SELECT SUM("costMicroUsd") FROM ${allSums(Prisma.sql`"ownerId" = ${bare(ada.id)}`)}`
    const { database } = world.app.store
    const plan = async () => {
      if (dialect === 'sqlite')
        return (await database.rows<{ detail: string }>(Prisma.sql`EXPLAIN QUERY PLAN ${statement}`)).map(({ detail }) => detail).join('\n')
      const transaction = await database.begin()
      try {
        // Small tables are read as a whole, unless there is another way.
        await transaction.execute(Prisma.sql`SET LOCAL enable_seqscan = off`)
        return (await transaction.rows<{ 'QUERY PLAN': string }>(Prisma.sql`EXPLAIN ${statement}`)).map((row) => row['QUERY PLAN']).join('\n')
      } finally {
        await transaction.rollback()
      }
    }
    expect(await plan()).toContain('ProviderUsage_unsummed_idx')
  })

  it('are for whoever may read usage', async () => {
    expect((await world.ask(SUMS, { groupBy: [] })).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })
})
