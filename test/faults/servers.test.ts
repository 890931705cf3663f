/** Three servers on one PostgreSQL: what is to happen once happens once, and limits hold over all of them. What is held against them is the log's order, which is that of the commits. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { TaskTypes } from '../../src/tasks/task-type.ts'
import { hasPostgres } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

const CREATE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } isDuplicate userErrors { code message path } } }`
const RATE = { limit: 10, seconds: 2 }

interface Told {
  position: number
  kind: string
  subjectId: string
  data: Record<string, unknown>
}

describe.runIf(hasPostgres)('three servers on one PostgreSQL', () => {
  const servers: World[] = []
  /** How many attempts each of them has run. */
  const runs: number[] = []
  let ada: TestUser

  /** Ends in its own time: at once, or after some turns of the event loop. */
  const register = (types: TaskTypes): void => {
    const own = runs.push(0) - 1
    const run = async ({ params }: { params: { turns?: number | undefined } }) => {
      runs[own]!++
      for (let i = 0; i < (params.turns ?? 0); i++) await new Promise((resolve) => setImmediate(resolve))
      return {}
    }
    const params = z.strictObject({ turns: z.int().optional(), n: z.int().optional() })
    types.register({ name: 'test.quick', description: 'Ends soon.', params, run })
    types.register({ name: 'test.rated', description: 'Starts now and then.', params, rate: RATE, run })
  }

  beforeAll(async () => {
    for (let i = 0; i < 3; i++)
      servers.push(await openWorld('postgresql', { extend: register, env: { TASK_CONCURRENCY: '20' }, ...(i > 0 && { url: servers[0]!.url }) }))
    ada = await servers[0]!.user('ada')
  })
  afterAll(async () => {
    for (const server of [...servers].reverse()) await server.close()
  })

  const server = (i: number) => servers[i % servers.length]!
  const create = async (i: number, input: object): Promise<{ task: { id: string }; isDuplicate: boolean }> => server(i).does(CREATE, { input }, ada)
  const bare = (globalId: string) => globalId.slice('Task:'.length)

  /** The log of these tasks, once all of them have ended. */
  async function logOf(ids: string[]): Promise<Told[]> {
    const { client } = server(0)
    const open = () => client.task.count({ where: { id: { in: ids.map(bare) }, status: { notIn: ['COMPLETED', 'FAILED', 'CANCELLED'] } } })
    await expect.poll(open, { timeout: 60_000, interval: 100 }).toBe(0)
    const events = await client.event.findMany({ where: { subjectId: { in: ids.map(bare) } }, orderBy: { position: 'asc' } })
    return events.map(({ position, kind, subjectId, data }) => ({ position: Number(position), kind, subjectId, data: data as Record<string, unknown> }))
  }

  const startsOf = (log: Told[]) => log.filter(({ kind }) => kind === 'TASK_STARTED')

  function eachOnce(log: Told[], ids: string[]): void {
    for (const kind of ['TASK_CREATED', 'TASK_STARTED', 'TASK_COMPLETED'])
      expect(
        log
          .filter((event) => event.kind === kind)
          .map(({ subjectId }) => subjectId)
          .sort(),
      ).toEqual(ids.map(bare).sort())
  }

  test('make one task of a hundred calls with the same key', async () => {
    const input = { type: 'test.quick', idempotencyKey: 'the same', params: { n: 1 } }
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => create(i, input)))
    expect(new Set(answers.map(({ task }) => task.id)).size).toBe(1)
    expect(await server(0).client.task.count({ where: { idempotencyKey: 'the same' } })).toBe(1)
    eachOnce(await logOf([answers[0]!.task.id]), [answers[0]!.task.id])
  })

  test('make one task of a hundred calls for the same work', async () => {
    const input = { type: 'test.quick', unique: { withinSeconds: 3600 }, params: { n: 2 } }
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => create(i, input)))
    expect(new Set(answers.map(({ task }) => task.id)).size).toBe(1)
    expect(answers.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1)
    eachOnce(await logOf([answers[0]!.task.id]), [answers[0]!.task.id])
  })

  test('never run more than three of a key that three may run of, and run all two hundred', { timeout: 120_000 }, async () => {
    const key = { concurrencyKey: 'three', concurrencyLimit: 3 }
    const made = await Promise.all(Array.from({ length: 200 }, (_, i) => create(i, { type: 'test.quick', params: { turns: i % 7 }, ...key })))
    const ids = made.map(({ task }) => task.id)
    const log = await logOf(ids)
    eachOnce(log, ids)
    let running = 0
    let most = 0
    for (const { kind } of log) {
      if (kind === 'TASK_STARTED') most = Math.max(most, ++running)
      if (kind === 'TASK_COMPLETED') running--
    }
    expect(most).toBe(3)
    expect(running).toBe(0)
  })

  test('start no more of a type than its rate allows, by the database’s clock', { timeout: 60_000 }, async () => {
    const made = await Promise.all(Array.from({ length: 40 }, (_, i) => create(i, { type: 'test.rated', params: { n: i } })))
    const ids = made.map(({ task }) => task.id)
    const log = await logOf(ids)
    eachOnce(log, ids)
    const starts = startsOf(log)
      .map(({ data }) => Number(data.startedAtMs))
      .sort((a, b) => a - b)
    // Ten at once, and from then on one each 200 ms: between any start and the tenth after it, and so on. The rate is kept before the
    // moment of the start is, in the same transaction: by so much, half a second on a busy machine, the two may differ.
    const eachMs = (RATE.seconds * 1000) / RATE.limit
    for (let first = 0; first < starts.length; first++)
      for (let next = first + RATE.limit; next < starts.length; next++)
        expect(starts[next]! - starts[first]!).toBeGreaterThanOrEqual((next - first - RATE.limit + 1) * eachMs - 500)
  })

  test('run what depends on many once, after all of them', { timeout: 60_000 }, async () => {
    const ids: string[] = []
    const add = async (dependsOn: string[]) => {
      const { task } = await create(ids.length, { type: 'test.quick', params: { turns: ids.length % 5 }, ...(dependsOn.length && { dependsOn }) })
      ids.push(task.id)
      return task.id
    }
    const waves: [string[], string[]][] = []
    for (let round = 0; round < 4; round++) {
      const root = await add([])
      // While the root runs, or after it has: whichever comes first.
      const middle = await Promise.all(Array.from({ length: 25 }, () => add([root])))
      const last = await Promise.all(Array.from({ length: 5 }, () => add(middle)))
      waves.push([[root], middle], [middle, last])
    }
    const log = await logOf(ids)
    eachOnce(log, ids)
    const at = (kind: string, id: string) => log.find((event) => event.kind === kind && event.subjectId === bare(id))!.position
    for (const [before, after] of waves) {
      const lastEnd = Math.max(...before.map((id) => at('TASK_COMPLETED', id)))
      for (const id of after) expect(at('TASK_STARTED', id)).toBeGreaterThan(lastEnd)
    }
  })

  test('share the work', async () => {
    runs.fill(0)
    const made = await Promise.all(Array.from({ length: 300 }, (_, i) => create(i, { type: 'test.quick', params: { turns: 20 } })))
    const ids = made.map(({ task }) => task.id)
    eachOnce(await logOf(ids), ids)
    expect(runs[0]! + runs[1]! + runs[2]!).toBe(300)
    expect(Math.min(...runs)).toBeGreaterThan(0)
  })
})
