import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { keptJson, keptText } from './kept-text.ts'
import type { Lease } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { ended, status, taskChanged, tasksMove } from './task-move.ts'
import { held } from './task-progress.ts'
import type { TaskOutcome } from './task-type.ts'

/** Only the holder of the lease may finish a task; a worker whose lease was taken over may not. Its streams are completed with it. */
export async function taskComplete(work: Work, lease: Lease, outcome: TaskOutcome): Promise<void> {
  const [moved] = await tasksMove(work, {
    guard: held(lease),
    set: Prisma.sql`"status" = ${status('COMPLETED')}, "result" = ${outcome.result === undefined ? Prisma.sql`NULL` : work.sql.json(keptJson(outcome.result))}, "summary" = COALESCE(CAST(${outcome.summary === undefined ? null : keptText(outcome.summary)} AS TEXT), "summary"),
      "agentsInvolved" = ${outcome.agentsInvolved ? work.sql.json(keptJson(outcome.agentsInvolved)) : Prisma.sql`"agentsInvolved"`}, "progress" = 1, ${ended(work)}`,
  })
  if (!moved) throw new TaskNotLeased()
  await streamsEnd(work, producedBy([lease.id]), { status: 'COMPLETED' })
  taskChanged(work, 'COMPLETED', moved)
}
