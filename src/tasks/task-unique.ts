import { createHash } from 'node:crypto'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { TASK_VALUES, type TaskValues, toTaskValues } from './task.ts'
import type { Prepared } from './task-prepare.ts'

/**
 * Makes a task to be written stand for its type and params for a while, or answers the one that does already. The key's row is
 * held to the end of the transaction, so that of two twins the second finds the first one's task.
 */
export async function taskUnique(work: Work, prepared: Prepared, withinSeconds: number): Promise<TaskValues | null> {
  const { ownerId, id } = prepared
  const key = uniqueKey(prepared)
  const until = Prisma.sql`${work.sql.nowMs} + CAST(${withinSeconds} AS BIGINT) * 1000`
  const mine = Prisma.sql`"ownerId" = ${ownerId} AND "key" = ${key}`
  for (;;) {
    const isFirst =
      await work.execute(Prisma.sql`INSERT INTO "TaskUnique" ("ownerId", "key", "taskId", "expiresAtMs") VALUES (${ownerId}, ${key}, ${id}, ${until})
      ON CONFLICT ("ownerId", "key") DO NOTHING`)
    if (isFirst) return null
    // Held by a statement of its own: only one that begins after the twin's commit sees the twin's task.
    const [known] = await work.rows(Prisma.sql`SELECT "taskId" FROM "TaskUnique" WHERE ${mine} ${work.sql.forUpdate}`)
    // It was expired, and cleared away, in this very moment.
    if (!known) continue
    // One whose task was deleted stands for nothing.
    const isNext = await work.execute(Prisma.sql`UPDATE "TaskUnique" SET "taskId" = ${id}, "expiresAtMs" = ${until}
      WHERE ${mine} AND ("expiresAtMs" <= ${work.sql.nowMs} OR NOT EXISTS (SELECT 1 FROM "Task" WHERE "Task"."id" = "TaskUnique"."taskId"))`)
    if (isNext) return null
    const [row] = await work.rows<Record<string, unknown>>(
      Prisma.sql`SELECT ${TASK_VALUES} FROM "Task" WHERE "id" = (SELECT "taskId" FROM "TaskUnique" WHERE ${mine})`,
    )
    if (row) return toTaskValues(row)
    // It was deleted in this very moment.
  }
}

/** The same for the same work. */
export const uniqueKey = ({ type, params }: Pick<Prepared, 'type' | 'params'>): string =>
  createHash('sha256')
    .update(`${type}\n${canonical(params)}`)
    .digest('base64url')

/** Equal values have equal texts, whatever the order of their fields. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${fields
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`)
    .join()}}`
}
