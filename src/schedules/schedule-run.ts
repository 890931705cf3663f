import { DomainError } from '../core/errors.ts'
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import type { TaskValues } from '../tasks/task.ts'
import { taskCreate } from '../tasks/task-create.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { scheduleHold, scheduleSet } from './schedule-change.ts'

/** Makes a task of a schedule now, by hand: no tick, so that the next one comes as if nothing had been. Also while it is paused. Answers the task's id. */
export async function scheduleRun(work: Work, types: TaskTypes, id: string): Promise<string> {
  const { schedule, task } = await scheduleHold(work, id)
  const made = await create(await inPlaceOf(work, schedule.ownerId), types, { ...task, scheduleId: id })
  await scheduleSet(work, schedule, Prisma.sql`"lastRunAtMs" = ${work.sql.nowMs}, "error" = NULL`, 'FIRED', { taskId: toGlobalId('Task', made.id) })
  return made.id
}

/** What is wrong with the task cannot be mended in what was asked for here. */
async function create(...creation: Parameters<typeof taskCreate>): Promise<TaskValues> {
  try {
    return await taskCreate(...creation)
  } catch (error) {
    if (!(error instanceof DomainError) || error.retryable) throw error
    throw new DomainError(error.code, `Its task cannot be made: ${error.message}`, ['input', 'id'])
  }
}
