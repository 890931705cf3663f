import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import type { TestUser, World } from '../kit/world.ts'
import { bare, CANCEL, completes, create, does, openTaskWorld, RETRY, type TaskWorld, whenStatus } from '../tasks/task.ts'
import { keyOf } from '../tasks/work/work.ts'
import { everything } from './everything.ts'

const READ = '{ systemInvariants { name count violations { subjectType subjectId detail } } }'
const ALL = '{ systemInvariants(all: true) { name description count violations { subjectId } } }'

const broken = async (world: World, admin: TestUser, query = READ) => {
  const { data, errors } = await world.ask(query, {}, admin)
  expect(errors).toBeUndefined()
  return data.systemInvariants
}

describe.each(dialects())('systemInvariants on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  /** Lets tasks seem to have had more attempts than they may, which no server mends. */
  const allow = (ids: string[], maxAttempts: number) => on.world.client.task.updateMany({ where: { id: { in: ids.map(bare) } }, data: { maxAttempts } })

  it('tells ADMINs what must never be, each with its rows', async () => {
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      const { id } = await create(on.world, on.ada)
      await completes(on, on.ada, id)
      ids.push(id)
    }
    expect(await broken(on.world, on.admin)).toEqual([])
    await allow(ids, 0)
    const violations = [...ids].reverse().map((subjectId) => ({ subjectType: 'Task', subjectId, detail: { status: 'COMPLETED', attempt: 1, maxAttempts: 0 } }))
    expect(await broken(on.world, on.admin)).toEqual([{ name: 'TASK_ATTEMPTS_EXCEEDED', count: 3, violations }])
    const firstTwo = await broken(on.world, on.admin, '{ systemInvariants { count violations(first: 2) { subjectId } } }')
    expect(firstTwo).toEqual([{ count: 3, violations: violations.slice(0, 2).map(({ subjectId }) => ({ subjectId })) }])
    for (const first of [0, -1, 1001]) {
      const { errors } = await on.world.ask(`{ systemInvariants { violations(first: ${first}) { subjectId } } }`, {}, on.admin)
      expect(errors).toMatchObject([{ message: 'first must be from 1 to 1000.', extensions: { code: 'BAD_USER_INPUT' } }])
    }
    await allow(ids, 3)
    expect(await broken(on.world, on.admin)).toEqual([])
  })

  it('is for ADMINs only', async () => {
    const refusal = async (user?: TestUser | string) => (await on.world.ask(READ, {}, user)).errors?.map(({ extensions }) => extensions.code)
    expect(await refusal(on.ada)).toEqual(['FORBIDDEN'])
    expect(await refusal(await keyOf(on.world, on.ada))).toEqual(['FORBIDDEN'])
    expect(await refusal()).toEqual(['UNAUTHENTICATED'])
  })

  it('finds nothing where there is of everything something', async () => {
    await everything(on)
    const all = await broken(on.world, on.admin, ALL)
    expect(all.filter(({ count }: { count: number }) => count > 0)).toEqual([])
    expect(all.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['LOG_HOLE', 'SCHEDULE_NOT_FIRED', 'STREAM_WITHOUT_PRODUCER', 'TASK_LEASE_LAPSED']),
    )
    for (const { description } of all) expect(description).toMatch(/^[A-Z].*\.$/)
  })

  it('raises no false alarm while tasks are made, run, fail, are tried again and cancelled', async () => {
    const { world, scripts, ada, admin } = on
    scripts.write('brief', async (task) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (task.attempt === 1 && task.params.fails) throw new Error('Not yet.')
      if (task.params.forks && (await task.children()).length === 0) {
        for (const key of ['a', 'b']) await task.createChild(key, { type: 'test.scripted', params: { script: 'brief', fails: key === 'b' } })
        return { waitForChildren: true }
      }
      if (task.params.says) await (await task.openStream({})).write('TEXT', 'a word')
      return { result: task.attempt }
    })
    const ids: string[] = []
    const make = (n: number) =>
      create(world, ada, {
        type: n % 10 === 6 ? 'test.held' : 'test.scripted',
        params: n % 10 === 6 ? {} : { script: 'brief', fails: n % 5 === 0, forks: n % 10 === 1, says: n % 10 === 2 },
        retryPolicy: { initialSeconds: 0 },
        priority: n % 3,
        ...(n % 10 === 3 && { concurrencyKey: 'one at a time' }),
        ...(n % 10 === 4 && n > 10 && { dependsOn: [ids[n - 12]], onDependencyFailure: 'RUN' }),
      })
    const work = async () => {
      const live = await world.follow('subscription { tasksUpdated { kind } }', {}, ada)
      for (let n = 0; n < 200; n += 10) {
        const made = await Promise.all(Array.from({ length: 10 }, (_, i) => make(n + i)))
        ids.push(...made.map(({ id }) => id))
        const held = ids[n + 6]!
        await does(world, CANCEL, { id: held }, ada)
        if (n % 20) continue
        await whenStatus(world, ada, held, 'CANCELLED')
        await does(world, RETRY, { id: held }, ada)
        await does(world, CANCEL, { id: held }, ada)
      }
      while ((await world.client.task.count({ where: { completedAtMs: null, id: { in: ids.map(bare) } } })) > 0) await live.take()
      await live.stop()
    }
    let isWorking = true
    let times = 0
    const ask = async () => {
      for (; isWorking; times++) expect(await broken(world, admin)).toEqual([])
    }
    const working = work().finally(() => {
      isWorking = false
    })
    await Promise.all([working, ask()])
    expect(times).toBeGreaterThan(2)
    const statuses = await world.client.task.groupBy({ by: ['status'], where: { id: { in: ids.map(bare) } }, _count: { _all: true } })
    expect(Object.fromEntries(statuses.map(({ status, _count }) => [status, _count._all]))).toEqual({ COMPLETED: 180, CANCELLED: 20 })
    expect(await broken(world, admin)).toEqual([])
  })
})

describe.each(dialects())('a world of tests on %s', (dialect) => {
  const broke = async (options = {}) => {
    const on = await openTaskWorld(dialect, options)
    const { id } = await create(on.world, on.ada)
    await completes(on, on.ada, id)
    await on.world.client.task.updateMany({ data: { maxAttempts: 0 } })
    return { id, close: () => on.world.close() }
  }

  it('is not closed in silence while what must never be is', async () => {
    const { id, close } = await broke()
    await expect(close()).rejects.toThrow(new RegExp(`TASK_ATTEMPTS_EXCEEDED \\(1\\): .*\\n.*"${bare(id)}"`))
  })

  it('is where it says why', async () => {
    const { close } = await broke({ invariants: 'broken on purpose: to see whether that is looked at' })
    await expect(close()).resolves.toBeUndefined()
  })
})
