import type { Work } from '../events/work.ts'
import { tasksArchive } from './tasks-archive.ts'
import { single } from './tasks-told-apart.ts'

/** Puts a task away that has ended, or takes it out again. Twice is as once. */
export async function taskArchive(work: Work, id: string, isArchived = true): Promise<void> {
  single(await tasksArchive(work, [id], isArchived))
}
