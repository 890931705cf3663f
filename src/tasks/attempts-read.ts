import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { AttemptOutcome } from './attempts-keep.ts'

export interface AttemptRow {
  attempt: number
  worker: string | null
  /** Null while it runs. */
  outcome: AttemptOutcome | null
  error: string | null
  startedAtMs: number
  endedAtMs: number | null
}

const MOST = 100

/** The attempts of each of these tasks: those that were kept, and the one that stands in the task itself. The last ones, in their order. */
export async function readAttempts(database: Database, taskIds: readonly string[]): Promise<AttemptRow[][]> {
  const kept = taskIds.map(
    (id) =>
      Prisma.sql`SELECT * FROM (SELECT "taskId", "attempt", "worker", "outcome", "error", "startedAtMs", "endedAtMs" FROM "TaskAttempt" WHERE "taskId" = ${id} ORDER BY "attempt" DESC LIMIT ${MOST}) AS "part"`,
  )
  const rows = await database.rows<AttemptRow & { taskId: string }>(Prisma.join(kept, ' UNION ALL '))
  const tasks = await database.rows<{
    id: string
    status: string
    attempt: number
    lastWorker: string | null
    error: string | null
    startedAtMs: number | null
    completedAtMs: number | null
  }>(
    Prisma.sql`SELECT "id", "status", "attempt", "lastWorker", "error", "startedAtMs", "completedAtMs" FROM "Task" WHERE "id" IN (${Prisma.join([...taskIds])})`,
  )
  const byTask = new Map(tasks.map((task) => [task.id, task]))
  return taskIds.map((id) => {
    const own: AttemptRow[] = rows.filter((row) => row.taskId === id).sort((a, b) => a.attempt - b.attempt)
    const task = byTask.get(id)
    // One that waits has none of its own; one that was cancelled while it waited ended with the attempt before.
    if (!task || task.startedAtMs === null || task.status === 'CREATED' || task.status === 'QUEUED' || own.some((row) => row.attempt === task.attempt))
      return own
    const isRunning = task.status === 'RUNNING'
    const outcome = isRunning ? null : (task.status as AttemptOutcome)
    own.push({
      attempt: task.attempt,
      worker: task.lastWorker,
      outcome,
      error: task.error,
      startedAtMs: task.startedAtMs,
      endedAtMs: isRunning ? null : task.completedAtMs,
    })
    return own.slice(-MOST)
  })
}
