/** What the tests of many tasks at once ask again and again. */
import { Prisma } from '../../src/generated/sqlite/client.ts'
import type { TestUser, World } from '../kit/world.ts'

const ERRORS = 'userErrors { code message path }'
const REFUSED = `refused { index id ${ERRORS} }`

const mutationOf = (name: string, fields: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} eventCursor ${ERRORS} } }`

export const CREATE_MANY = mutationOf('taskCreateMany', `tasks { id status type domain params } duplicates skipped { index ${ERRORS} }`)
export const ARCHIVE = mutationOf('taskArchive', 'task { id status archivedAt updatedAt }')
export const UNARCHIVE = mutationOf('taskUnarchive', 'task { id status archivedAt }')
const many = (name: string) => mutationOf(name, `count hasMore tasks { id status domain priority archivedAt } ${REFUSED}`)
export const UPDATE_MANY = many('taskUpdateMany')
export const CANCEL_MANY = many('taskCancelMany')
export const RETRY_MANY = many('taskRetryMany')
export const ARCHIVE_MANY = many('taskArchiveMany')
export const UNARCHIVE_MANY = many('taskUnarchiveMany')
export const DELETE_MANY = mutationOf('taskDeleteMany', `count hasMore deletedIds ${REFUSED}`)

/** Everything in the database that has to do with tasks; what a refused mutation must leave as it is. */
export async function wholeOf({ app }: World): Promise<Record<string, unknown[]>> {
  const { database } = app.store
  const tables = ['Task', 'TaskDependency', 'TaskAttempt', 'TaskUnique', 'Stream', 'StreamChunk', 'Event', 'LogHead', 'IdempotencyKey']
  const whole: Record<string, unknown[]> = {}
  for (const table of tables) {
    const rows = await database.rows<Record<string, unknown>>(Prisma.sql`SELECT * FROM ${Prisma.raw(`"${table}"`)}`)
    // Leases are renewed meanwhile, which is no change of the task; and that it was refused stands in the trail, and nowhere else.
    whole[table] = rows
      .map(({ leaseExpiresAtMs: _, entryPosition: __, ...row }) => JSON.stringify(row, (_key, value) => (typeof value === 'bigint' ? String(value) : value)))
      .sort()
  }
  return whole
}

/** So many tasks of a user, made by few statements. */
export async function seed(world: World, user: TestUser, count: number, input: object = {}): Promise<string[]> {
  const ids: string[] = []
  for (let done = 0; done < count; done += 1000) {
    const tasks = Array.from({ length: Math.min(1000, count - done) }, () => ({ type: 'test.held', runImmediately: false, ...input }))
    const made = await world.does(
      'mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { tasks { id } userErrors { code message } } }',
      { input: { tasks } },
      user,
    )
    ids.push(...made.tasks.map((task: { id: string }) => task.id))
  }
  return ids
}

/** For checks that count statements: what is committed together with what somebody else does meanwhile is not counted, and counts again. */
export async function counting(check: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await check()
    } catch (error) {
      if (tries === 3) throw error
    }
  }
}
