/** What the tests of schedules ask again and again. */
import { server } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { transact } from '../../src/events/transact.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { isDue, schedulesFire } from '../../src/schedules/schedules-fire.ts'
import type { TestUser, World, WorldOptions } from '../kit/world.ts'
import { bare, openTaskWorld, type TaskWorld } from '../tasks/task.ts'

export const SCHEDULE = `id name cron timezone task { type params description priority } missed maxCatchUp pausedAt endsAt nextRunAt lastRunAt error createdAt updatedAt owner { id }`

const mutationOf = (name: string, fields = `schedule { ${SCHEDULE} }`) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} eventCursor userErrors { code message path } } }`

export const CREATE = mutationOf('scheduleCreate')
export const UPDATE = mutationOf('scheduleUpdate')
export const PAUSE = mutationOf('schedulePause')
export const RESUME = mutationOf('scheduleResume')
export const RUN = mutationOf('scheduleRun', `schedule { ${SCHEDULE} } task { id type status owner { id } }`)
export const DELETE = mutationOf('scheduleDelete', 'deletedId')
export const READ = `query ($id: ID!) { schedule(id: $id) { ${SCHEDULE} } }`

export const DAY = 86_400_000

export const newScheduleId = (): string => `Schedule:${newId()}`

/** A world where tasks are made and not worked on. */
export const openScheduleWorld = (dialect: 'sqlite' | 'postgresql', options: WorldOptions = {}): Promise<TaskWorld> =>
  openTaskWorld(dialect, { ...options, env: { TASK_CONCURRENCY: '0', ...options.env } })

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

let named = 0

/** Daily at a time that is far from now, so that no tick comes by itself while a test looks. */
export const daily = (): string => `0 ${(new Date().getUTCHours() + 12) % 24} * * *`

export const inputOf = (over: object = {}): object => ({ name: `schedule ${++named}`, cron: daily(), task: { type: 'test.held' }, ...over })

export const create = async (world: World, user: TestUser, over: object = {}): Promise<Data> =>
  (await world.does(CREATE, { input: inputOf(over) }, user)).schedule

export const read = async (world: World, user: TestUser, id: string): Promise<Data> => (await world.ask(READ, { id }, user)).data.schedule

/** Makes a schedule's next tick lie so much earlier. Answers when that is. */
export async function age(world: World, globalId: string, ms: number): Promise<number> {
  const row = await world.client.schedule.update({ where: { id: bare(globalId) }, data: { nextRunAtMs: { decrement: BigInt(ms) } } })
  return Number(row.nextRunAtMs)
}

export const fire = ({ app }: World): Promise<number> =>
  schedulesFire(app.store, app.taskTypes, {
    warn: (error) => {
      throw error
    },
  })

/** Until nothing is due any more, whichever server sees to it. */
export async function settle(world: World): Promise<void> {
  for (;;) {
    await fire(world)
    // This waits for whoever is just at it.
    const { result: due } = await transact(world.app.store, server, (work) =>
      work.rows(Prisma.sql`SELECT "id" FROM "Schedule" WHERE ${isDue(work)} ${work.sql.forUpdate}`),
    )
    if (!due.length) return
  }
}

/** From here on nothing fires: there is nobody left who may. */
export async function disableAll(world: World): Promise<void> {
  await world.client.user.updateMany({ data: { disabledAtMs: 1n } })
  await transact(world.app.store, server, (work) => work.rows(Prisma.sql`SELECT "id" FROM "Schedule" ${work.sql.forUpdate}`))
}

/** The ticks of a schedule, oldest first: when, and the task each made. */
export async function ticksOf(world: World, globalId: string): Promise<{ tickAtMs: number; taskId: string | null }[]> {
  const rows = await world.client.scheduleTick.findMany({ where: { scheduleId: bare(globalId) }, orderBy: { tickAtMs: 'asc' } })
  return rows.map(({ tickAtMs, taskId }) => ({ tickAtMs: Number(tickAtMs), taskId }))
}

/** The tasks of a schedule, oldest first. */
export const tasksOf = (world: World, globalId: string) =>
  world.client.task.findMany({ where: { scheduleId: bare(globalId) }, orderBy: [{ createdAtMs: 'asc' }, { id: 'asc' }] })

/** What is told of a schedule, oldest first. */
export async function eventsOf(world: World, globalId: string): Promise<{ kind: string; data: Data; actorId: string | null }[]> {
  const events = await world.client.event.findMany({ where: { subjectId: bare(globalId) }, orderBy: { position: 'asc' } })
  return events.map(({ kind, data, actorId }) => ({ kind: kind.replace('SCHEDULE_', ''), data, actorId }))
}

export const kindsOf = async (world: World, globalId: string): Promise<string[]> => (await eventsOf(world, globalId)).map(({ kind }) => kind)

/** Everything a refused mutation must leave as it is. */
export async function stateOf(world: World): Promise<object> {
  const { client } = world
  return {
    schedules: await client.schedule.findMany({ orderBy: { id: 'asc' } }),
    ticks: await client.scheduleTick.count(),
    tasks: await client.task.count(),
    events: await client.event.count(),
  }
}
