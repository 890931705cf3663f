import { follow } from '../events/live.ts'
import { readHead } from '../events/log.ts'
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskStatus } from './task.ts'

/** How long a request to stop waits for the worker before it answers. */
const PATIENCE_MS = 2000

/** Resolves when the task does not run any more, be it ended, queued again or gone; at the latest after `PATIENCE_MS`. */
export async function taskEnded(store: Store, taskId: string): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const { position } = await readHead(store.database)
  const [task] = await store.database.rows<{ status: TaskStatus }>(Prisma.sql`SELECT "status" FROM "Task" WHERE "id" = ${taskId}`)
  if (task?.status !== 'RUNNING') return
  for await (const event of follow(store, position, { subjectType: 'Task', subjectId: taskId }, signal)) {
    if (event.kind === 'TASK_DELETED' || event.data.status !== 'RUNNING') return
  }
}
