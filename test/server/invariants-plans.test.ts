import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { invariantsCheck } from '../../src/events/invariants.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
// The rooms' files register what holds in them.
import '../../src/graphql/schema.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

const LARGE = [
  'Task',
  'TaskAttempt',
  'TaskDependency',
  'Stream',
  'StreamChunk',
  'Event',
  'IdempotencyKey',
  'ProviderUsage',
  'SearchDocument',
  'SearchChunk',
  'TextItem',
]

describe.each(dialects())('what must never be is looked for on %s', (dialect) => {
  let scratch: ScratchDatabase
  let database: Database
  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    database = await openDatabase({ url: scratch.url })
  })
  afterAll(async () => {
    await database.close()
    await scratch.drop()
  })

  /** How the database would come by what a statement asks for. */
  async function planOf(statement: Prisma.Sql): Promise<string[]> {
    if (dialect === 'sqlite') return (await database.rows<{ detail: string }>(Prisma.sql`EXPLAIN QUERY PLAN ${statement}`)).map(({ detail }) => detail)
    const transaction = await database.begin()
    try {
      // Tables without rows are read as a whole, unless there is no other way.
      await transaction.execute(Prisma.sql`SET LOCAL enable_seqscan = off`)
      return (await transaction.rows<{ 'QUERY PLAN': string }>(Prisma.sql`EXPLAIN ${statement}`)).map((row) => row['QUERY PLAN'])
    } finally {
      await transaction.rollback()
    }
  }

  it('by indexes: no large table is read as a whole', async () => {
    const statements: Prisma.Sql[] = []
    await invariantsCheck({
      ...database,
      rows: (statement) => {
        statements.push(statement)
        return database.rows(statement)
      },
    })
    expect(statements.length).toBeGreaterThan(20)
    const whole = new RegExp(
      dialect === 'sqlite' ? `^SCAN (${[...LARGE, 'of', 'former', 'producing'].join('|')})\\b(?!.* INDEX )` : `Seq Scan on "(${LARGE.join('|')})"`,
    )
    for (const statement of statements) expect((await planOf(statement)).filter((step) => whole.test(step))).toEqual([])
    // What waits, and for whom, is little among a million: found without a look at what else is queued.
    const plans = await Promise.all(statements.filter(({ sql }) => sql.includes('"waiting"')).map(async (statement) => (await planOf(statement)).join('\n')))
    expect(plans).toHaveLength(3)
    for (const plan of plans) expect(plan).toContain('Task_waiting_idx')
    expect(plans.filter((plan) => plan.includes('TaskDependency_pending_idx')).length).toBeGreaterThanOrEqual(2)
    expect((await planOf(Prisma.sql`SELECT "id" FROM "Task" WHERE "summary" = 'x'`)).filter((step) => whole.test(step))).toHaveLength(1)
  })
})
