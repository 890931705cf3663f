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
  close(): Promise<void>
}

export interface TasksSide extends Side {
  taskId: string
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

interface Filling {
  options?: object
  /** Fills a database that no server uses. */
  fill(url: string, ownerId: string): Promise<void>
  /** What a server does with it before it is as it would be. */
  settle(world: World): Promise<void>
  what: string
  settled: string
}

export async function openFilled(dialect: Dialect, { options = {}, fill, settle, what, settled }: Filling): Promise<Side> {
  const scratch = await scratchDatabase(dialect)
  scratches.add(scratch)
  try {
    const all = { url: scratch.url, ...options }
    const before = await openWorld(dialect, all)
    const admin = await before.user('admin')
    const owner = await before.user('owner')
    await before.close()
    const startedAt = performance.now()
    await fill(scratch.url, fromGlobalId(owner.id).id)
    const filledAt = performance.now()
    const world = await openWorld(dialect, all)
    await settle(world)
    const seconds = (from: number, to: number) => `${short((to - from) / 1000)} s`
    console.log(`${dialect}: ${what}, filled in ${seconds(startedAt, filledAt)}, ${settled} in ${seconds(filledAt, performance.now())}.`)
    const close = async () => {
      await world.close()
      await scratch.drop()
      scratches.delete(scratch)
    }
    return { world, url: scratch.url, admin, owner, close }
  } catch (error) {
    await scratch.drop()
    throw error
  }
}

export async function openSide(dialect: Dialect, what: Omit<Fill, 'ownerId'>): Promise<TasksSide> {
  const side = await openFilled(dialect, {
    options: {
      env: { TASK_CONCURRENCY: '0', ACCESS_TOKEN_MINUTES: '1440' },
      extend: (types: World['app']['taskTypes']) => {
        for (const name of TYPES) types.register({ name, description: 'Nothing.', params: z.looseObject({ n: z.number() }), run: async () => ({}) })
      },
    },
    fill: (url, ownerId) => fill(dialect, url, { ...what, ownerId }),
    settle: (world) => tallyCatchUp(world.app.store),
    what: `${what.finished + what.waiting} tasks`,
    settled: 'tallied',
  })
  const { tasks } = await asked(side, '{ tasks(first: 1, filter: { status: { eq: FAILED } }) { edges { node { id } } } }', side.owner)
  return { ...side, taskId: tasks.edges[0].node.id }
}
