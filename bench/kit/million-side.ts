/** A server on a database that was filled by SQL. */
import { z } from 'zod'
import { fromGlobalId } from '../../src/core/ids.ts'
import type { Dialect } from '../../src/db/sql.ts'
import { tallyCatchUp } from '../../src/tasks/tally-fold.ts'
import { type ScratchDatabase, scratchDatabase } from '../../test/kit/databases.ts'
import { openWorld, type TestUser, type World } from '../../test/kit/world.ts'
import { type Fill, fill, TYPES } from './million-fill.ts'
import { short } from './stats.ts'

export interface Side {
  world: World
  url: string
  admin: TestUser
  owner: TestUser
  taskId: string
  close(): Promise<void>
}

const scratches = new Set<ScratchDatabase>()

/** However this program ends: what it fills is large. */
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, async () => {
    await Promise.allSettled([...scratches].map((scratch) => scratch.drop()))
    process.exit(1)
  })

/** What its user is answered. */
export async function asked({ world }: Pick<Side, 'world'>, query: string, user: TestUser) {
  const { data, errors } = await world.ask(query, {}, user)
  if (errors) throw new Error(errors[0]!.message)
  return data
}

export async function openSide(dialect: Dialect, what: Omit<Fill, 'ownerId'>): Promise<Side> {
  const scratch = await scratchDatabase(dialect)
  scratches.add(scratch)
  try {
    const options = {
      url: scratch.url,
      env: { TASK_CONCURRENCY: '0', ACCESS_TOKEN_MINUTES: '1440' },
      extend: (types: World['app']['taskTypes']) => {
        for (const name of TYPES) types.register({ name, description: 'Nothing.', params: z.looseObject({ n: z.number() }), run: async () => ({}) })
      },
    }
    const before = await openWorld(dialect, options)
    const admin = await before.user('admin')
    const owner = await before.user('owner')
    await before.close()
    const startedAt = performance.now()
    await fill(dialect, scratch.url, { ...what, ownerId: fromGlobalId(owner.id).id })
    const filledAt = performance.now()
    const world = await openWorld(dialect, options)
    await tallyCatchUp(world.app.store)
    const seconds = (from: number, to: number) => `${short((to - from) / 1000)} s`
    console.log(
      `${dialect}: ${what.finished + what.waiting} tasks, filled in ${seconds(startedAt, filledAt)}, tallied in ${seconds(filledAt, performance.now())}.`,
    )
    const side = {
      world,
      url: scratch.url,
      admin,
      owner,
      taskId: '',
      close: async () => {
        await world.close()
        await scratch.drop()
        scratches.delete(scratch)
      },
    }
    side.taskId = (await asked(side, '{ tasks(first: 1, filter: { status: { eq: FAILED } }) { edges { node { id } } } }', owner)).tasks.edges[0].node.id
    return side
  } catch (error) {
    await scratch.drop()
    throw error
  }
}
