import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Filter, filterMatches, filterWhere } from '../../src/core/filter.ts'
import { newId } from '../../src/core/ids.ts'
import { TASK_FILTER_FIELDS } from '../../src/tasks/task-filter.ts'
import { dialects } from '../kit/databases.ts'
import { bare, openTaskWorld, type TaskWorld } from './task.ts'

/** Few values, so that conditions and rows meet; among them those that order differently in different ways of comparing. */
const WORDS = ['', 'a', 'A', 'b', 'ä', 'z', '\uffee', '🌞', 'x y', "o'k", '100%', 'a_c']
const NUMBERS = [-1, 0, 1, 2]
const FRACTIONS = [0, 0.1, 0.5, 1]
const MOMENTS = [0, 1000, 1001, 4_102_444_800_000]
/** Whose deadline is over does not wait any more. */
const DEADLINES = [4_102_444_800_000, 4_102_444_800_001]
const STATUSES = ['CREATED', 'QUEUED', 'COMPLETED', 'FAILED', 'CANCELLED']

const nullable = <T>(values: T[]) => fc.option(fc.constantFrom(...values), { nil: null })
const row = fc.record({
  status: fc.constantFrom(...STATUSES),
  type: fc.constantFrom(...WORDS),
  domain: nullable(WORDS),
  sessionKey: nullable(WORDS),
  driftScore: nullable(FRACTIONS),
  progress: nullable(FRACTIONS),
  priority: fc.constantFrom(...NUMBERS),
  attempt: fc.constantFrom(0, 1, 2),
  createdAtMs: fc.constantFrom(...MOMENTS),
  updatedAtMs: fc.constantFrom(...MOMENTS),
  runAtMs: fc.constantFrom(...MOMENTS),
  queuedAtMs: nullable(MOMENTS),
  startedAtMs: nullable(MOMENTS),
  deadlineAtMs: nullable(DEADLINES),
  archivedAtMs: nullable(MOMENTS),
  concurrencyKey: nullable(WORDS),
})

const equality = <T>(values: T[]) => ({
  eq: fc.constantFrom(...values),
  ne: fc.constantFrom(...values),
  in: fc.array(fc.constantFrom(...values), { maxLength: 3 }),
  notIn: fc.array(fc.constantFrom(...values), { maxLength: 3 }),
})
const comparators = <T>(values: T[]) =>
  fc.record(
    {
      ...equality(values),
      gt: fc.constantFrom(...values),
      gte: fc.constantFrom(...values),
      lt: fc.constantFrom(...values),
      lte: fc.constantFrom(...values),
      isNull: fc.boolean(),
    },
    { requiredKeys: [] },
  )
const moments = comparators(MOMENTS.map((ms) => new Date(ms)))
const conditions = {
  status: fc.record(equality(STATUSES), { requiredKeys: [] }),
  type: comparators(WORDS),
  domain: comparators(WORDS),
  sessionKey: comparators(WORDS),
  driftScore: comparators(FRACTIONS),
  progress: comparators(FRACTIONS),
  priority: comparators(NUMBERS),
  attempt: comparators(NUMBERS),
  createdAt: moments,
  updatedAt: moments,
  runAt: moments,
  queuedAt: moments,
  startedAt: moments,
  deadlineAt: comparators(DEADLINES.map((ms) => new Date(ms))),
  archivedAt: moments,
  concurrencyKey: comparators(WORDS),
}
const leaf = fc.oneof(...Object.entries(conditions).map(([field, condition]) => condition.map((value) => ({ [field]: value }))))
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    leaf as fc.Arbitrary<Filter>,
    fc.record(conditions, { requiredKeys: [] }).map((all) => Object.fromEntries(Object.entries(all).slice(0, 2)) as Filter),
    fc.record({ and: fc.array(tie('filter'), { maxLength: 2 }) }) as fc.Arbitrary<Filter>,
    fc.record({ or: fc.array(tie('filter'), { maxLength: 3 }) }) as fc.Arbitrary<Filter>,
    fc.record({ not: tie('filter') }) as fc.Arbitrary<Filter>,
    fc.tuple(leaf, tie('filter')).map(([one, other]) => ({ ...one, not: other }) as Filter),
  ),
}))

describe.each(dialects())('filters on %s', (dialect) => {
  let on: TaskWorld
  let rows: (Record<string, unknown> & { id: string })[]
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' }, invariants: 'broken on purpose: rows of every shape, to be filtered' })
    const ownerId = bare(on.ada.id)
    rows = fc.sample(row, { numRuns: 60, seed: 7 }).map((values) => ({ id: newId(), ownerId, worker: null, completedAtMs: null, ...values }))
    for (const { completedAtMs: _, ...values } of rows) {
      const times = Object.fromEntries(
        Object.entries(values).map(([column, value]) => [column, column.endsWith('Ms') && value !== null ? BigInt(value as number) : value]),
      )
      const ended = !['CREATED', 'QUEUED'].includes(values.status as string)
      // No task begins as one that has ended; this is the way there that the database allows.
      const data = { ...times, lane: 'none', params: {}, agentsInvolved: [], ...(ended && { status: 'QUEUED' }) }
      await on.world.client.task.create({ data: data as never })
      if (values.status === 'COMPLETED') await started(values.id)
      if (ended) await on.world.client.task.update({ where: { id: values.id }, data: { ...UNLEASED, ...times, completedAtMs: 5n } as never })
    }
    for (const values of rows) values.completedAtMs = ['CREATED', 'QUEUED'].includes(values.status as string) ? null : 5
  })
  afterAll(() => on.world.close())

  // A server may have found it due meanwhile.
  const UNLEASED = { readyAtMs: null, worker: null, workerKind: null, leaseToken: null, leaseExpiresAtMs: null }
  const started = (id: string) =>
    on.world.client.task.update({
      where: { id },
      data: { status: 'RUNNING', readyAtMs: null, worker: 'one', workerKind: 'SERVER', leaseToken: 'one', leaseExpiresAtMs: 4_102_444_800_000n },
    })

  it('say of every row the same in a list and in a live list', async () => {
    await fc.assert(
      fc.asyncProperty(filter, async (each) => {
        const listed = await on.world.client.task.findMany({ where: filterWhere(each, TASK_FILTER_FIELDS), select: { id: true } })
        const live = rows.filter((values) => filterMatches(each, values, TASK_FILTER_FIELDS))
        expect(listed.map(({ id }) => id).sort()).toEqual(live.map(({ id }) => id).sort())
      }),
      { numRuns: 400 },
    )
  })
})
