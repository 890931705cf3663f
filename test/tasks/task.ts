/** What the tests of tasks ask again and again. */
import { newId } from '../../src/core/ids.ts'
import { readHead } from '../../src/events/log.ts'
import { type HeldRun, HeldTasks, ScriptedTasks } from '../kit/task-types.ts'
import { openWorld, type TestUser, type World, type WorldOptions } from '../kit/world.ts'

const ERRORS = 'userErrors { code message path }'
export const TASK = `id type description params result domain driftScore status priority progress progressMessage summary error attempt maxAttempts
  runAt timeoutSeconds worker leaseExpiresAt cancelRequestedAt agentsInvolved sessionKey idempotencyKey createdAt updatedAt queuedAt startedAt completedAt durationMs`

const mutationOf = (name: string, fields = `task { ${TASK} }`) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} eventCursor ${ERRORS} } }`

export const CREATE = mutationOf('taskCreate')
export const UPDATE = mutationOf('taskUpdate')
export const RUN = mutationOf('taskRun')
export const CANCEL = mutationOf('taskCancel')
export const RETRY = mutationOf('taskRetry')
export const DELETE = mutationOf('taskDelete', 'deletedId')
export const READ = `query ($id: ID!) { task(id: $id) { ${TASK} } }`

/** The id without its type. */
export const bare = (globalId: string): string => globalId.slice(globalId.indexOf(':') + 1)

export const newTaskId = (): string => `Task:${newId()}`

export interface TaskWorld {
  world: World
  held: HeldTasks
  scripts: ScriptedTasks
  /** The first user: an ADMIN. */
  admin: TestUser
  ada: TestUser
  bob: TestUser
}

/** A world with task types that tests hold in their hands, its ADMIN and two users. */
export async function openTaskWorld(dialect: 'sqlite' | 'postgresql', options: WorldOptions = {}): Promise<TaskWorld> {
  const held = new HeldTasks()
  const scripts = new ScriptedTasks()
  const world = await openWorld(dialect, {
    ...options,
    extend: (types) => {
      held.register(types)
      scripts.register(types)
      options.extend?.(types)
    },
  })
  return { world, held, scripts, admin: await world.user('admin'), ada: await world.user('ada'), bob: await world.user('bob') }
}

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

/** The task of a mutation's payload; fails where it was refused. */
export async function does(world: World, mutation: string, input: object, user: TestUser): Promise<Data> {
  return (await world.does(mutation, { input }, user)).task
}

export const create = (world: World, user: TestUser, input: object = {}): Promise<Data> => does(world, CREATE, { type: 'test.held', ...input }, user)

export const read = async (world: World, user: TestUser, id: string): Promise<Data> => (await world.ask(READ, { id }, user)).data.task

/** Everything that a refused mutation must leave as it is: the row, its streams, and the head of the log. */
export async function stateOf(world: World, globalId?: string): Promise<object> {
  const id = globalId === undefined ? undefined : bare(globalId)
  const { client } = world
  // Leases are renewed meanwhile, which is no change of the task.
  const tasks = await client.task.findMany({ ...(id !== undefined && { where: { id } }), omit: { leaseExpiresAtMs: true }, orderBy: { id: 'asc' } })
  const streams = await client.stream.findMany({ ...(id !== undefined && { where: { taskId: id } }), orderBy: { id: 'asc' } })
  const { position } = await readHead(world.app.store.database)
  return { tasks, streams, position }
}

/** Kinds of the events about one thing, in the order of the log, without its type. */
export async function kindsOf(world: World, globalId: string): Promise<string[]> {
  const events = await world.client.event.findMany({ where: { subjectId: bare(globalId) }, orderBy: { position: 'asc' } })
  return events.map((event) => event.kind.replace(/^[A-Z]+_/, ''))
}

/** Resolves once something is said of the task that fulfils the condition; a look at the present state is the first. */
export async function whenTask(world: World, user: TestUser, id: string, condition: (task: Data) => boolean): Promise<Data> {
  const live = await world.follow(`subscription ($id: ID!) { taskUpdated(id: $id) { kind task { ${TASK} } } }`, { id }, user)
  const events = await live.until((event) => event.task === null || condition(event.task))
  await live.stop()
  return events[events.length - 1].task
}

export const whenStatus = (world: World, user: TestUser, id: string, ...statuses: string[]): Promise<Data> =>
  whenTask(world, user, id, (task) => statuses.includes(task.status))

/** Makes a lease run out, by age. */
export const lapse = (world: World, globalId: string) => world.client.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = 1 WHERE "id" = ${bare(globalId)}`

/** Makes a task due now. */
export async function due(world: World, globalId: string): Promise<void> {
  await world.client.$executeRaw`UPDATE "Task" SET "runAtMs" = 1 WHERE "id" = ${bare(globalId)}`
  await world.app.runner.claim()
}

/** Lets the present attempt of a held task end well, and waits until that is written. */
export async function completes({ world, held }: TaskWorld, user: TestUser, id: string, outcome: Parameters<HeldRun['complete']>[0] = {}): Promise<Data> {
  const { attempt } = await whenStatus(world, user, id, 'RUNNING')
  ;(await held.run(id, attempt)).complete(outcome)
  return whenStatus(world, user, id, 'COMPLETED')
}
