/** The tasks that schedules make belong to the schedule's owner, whoever lets it fire. */
import { DomainError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import { taskWrite } from '../tasks/task-create.ts'
import { type Prepared, type TaskCreation, taskPrepare } from '../tasks/task-prepare.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { tasksInsert } from '../tasks/tasks-insert.ts'
import type { ScheduledTask } from './schedule.ts'
import { ScheduledTaskRefused } from './schedule-errors.ts'

/** Refuses what a task cannot be made with, as long as whoever asks can mend it. */
export async function scheduledTaskCheck(work: Work, types: TaskTypes, ownerId: string, task: ScheduledTask): Promise<void> {
  try {
    await taskPrepare(await inPlaceOf(work, ownerId), types, task)
  } catch (error) {
    throw error instanceof DomainError ? new ScheduledTaskRefused(error) : error
  }
}

export interface Wanted {
  /** In the place of the owner. */
  owner: Work
  scheduleId: string
  task: ScheduledTask
  /** So many times the same. */
  times: number
}

/** Makes tasks of many schedules, most of them by one statement. Answers for each the tasks it made, or why it can make none. */
export async function scheduledTasksCreate(work: Work, types: TaskTypes, wanted: readonly Wanted[]): Promise<({ taskIds: string[] } | { error: string })[]> {
  const plain: Prepared[] = []
  const outcomes: ({ taskIds: string[] } | { error: string })[] = []
  for (const { owner, scheduleId, task, times } of wanted) {
    const prepared = times ? await preparedOrError(owner, types, { ...task, scheduleId }) : null
    if (!prepared) outcomes.push({ taskIds: [] })
    else if ('error' in prepared) outcomes.push(prepared)
    else {
      const each = Array.from({ length: times }, () => ({ ...prepared, id: newId() }))
      outcomes.push({ taskIds: each.map(({ id }) => id) })
      if (!prepared.streams) plain.push(...each)
      else for (const one of each) await taskWrite(owner, one)
    }
  }
  if (plain.length) await tasksInsert(work, plain)
  return outcomes
}

async function preparedOrError(owner: Work, types: TaskTypes, creation: TaskCreation): Promise<Prepared | { error: string }> {
  try {
    return await taskPrepare(owner, types, creation)
  } catch (error) {
    if (!(error instanceof DomainError) || error.retryable) throw error
    return { error: error.message }
  }
}
