import { BadUserInput } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { TaskNotWaiting } from './task-errors.ts'
import { taskChanged, tasksMove } from './task-move.ts'
import { BEFORE_RUN, type TaskUpdate, taskChanges } from './task-update.ts'
import { mineOf, type ToldApart, tasksToldApart } from './tasks-told-apart.ts'

const COLUMNS = {
  domain: ['domain', 'TEXT'],
  driftScore: ['driftScore', 'DOUBLE PRECISION'],
  sessionKey: ['sessionKey', 'TEXT'],
  priority: ['priority', 'INTEGER'],
  runAt: ['runAtMs', 'BIGINT'],
  maxAttempts: ['maxAttempts', 'INTEGER'],
  timeoutSeconds: ['timeoutSeconds', 'INTEGER'],
} as const

type Field = keyof typeof COLUMNS

/** What may be changed of many at once: what means the same for each. */
export type TasksUpdate = Pick<TaskUpdate, Field>

const fieldsOf = (update: TasksUpdate) => (Object.keys(COLUMNS) as Field[]).filter((field) => update[field] !== undefined)
const waitingOnly = (update: TasksUpdate) => fieldsOf(update).find((field) => (BEFORE_RUN as readonly string[]).includes(field))

function changeable(update: TasksUpdate): Prisma.Sql {
  if (waitingOnly(update) === undefined) return Prisma.sql`1 = 1`
  const attemptsLeft = update.maxAttempts === undefined ? Prisma.empty : Prisma.sql`AND "attempt" < CAST(${update.maxAttempts} AS INTEGER)`
  return Prisma.sql`"status" IN ('CREATED', 'QUEUED') ${attemptsLeft}`
}

/** The tasks that may be changed so, and are not so already. */
export function wouldChange(update: TasksUpdate): Prisma.Sql {
  const others = fieldsOf(update).map((field) => {
    const [column, type] = COLUMNS[field]
    const value = update[field]
    return Prisma.sql`${Prisma.raw(`"${column}"`)} IS DISTINCT FROM CAST(${value instanceof Date ? BigInt(value.getTime()) : value} AS ${Prisma.raw(type)})`
  })
  return Prisma.sql`${changeable(update)} AND (${Prisma.join(others, ' OR ')})`
}

/** Changes many tasks in the same way; with anything that says how they are run, only those that wait. */
export async function tasksUpdate(work: Work, ids: readonly string[], update: TasksUpdate): Promise<ToldApart> {
  const moved = await tasksMove(work, {
    guard: Prisma.sql`${mineOf(work, ids)} AND ${changeable(update)}`,
    set: Prisma.join(taskChanges(work, update)),
    changesAll: true,
  })
  for (const each of moved) taskChanged(work, 'UPDATED', each, { fields: fieldsOf(update) })
  const changed = new Set(moved.map(({ after }) => after.id))
  return tasksToldApart(work, ids, changed, (now) =>
    // One that waits was left alone for its attempts alone.
    now === 'CREATED' || now === 'QUEUED'
      ? new BadUserInput(`Must be more than the attempts it has had.`, ['input', 'maxAttempts'])
      : new TaskNotWaiting(now, ['input', waitingOnly(update) ?? 'id']),
  )
}
