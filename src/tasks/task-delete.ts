import type { Work } from '../events/work.ts'
import { tasksDelete } from './tasks-delete.ts'
import { single } from './tasks-told-apart.ts'

/** Removes a task that does not run, with its streams; once it is committed, `discardedClear` is to follow. */
export async function taskDelete(work: Work, id: string): Promise<void> {
  single(await tasksDelete(work, [id]))
}
