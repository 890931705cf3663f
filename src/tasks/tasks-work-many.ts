/** What a worker elsewhere says of many tasks at once. Each is judged by itself. */
import { type DomainError, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import type { Lease } from './task.ts'
import { type Completion, tasksComplete } from './task-complete.ts'
import { TaskNotLeased } from './task-errors.ts'
import { type Heartbeat, type Report, taskHeartbeat } from './task-heartbeat.ts'
import { tasksSeen } from './task-lease.ts'

export interface Refusal {
  /** Its place among what was sent. */
  index: number
  id: string
  error: DomainError
}

export interface Many<T> {
  done: T[]
  refused: Refusal[]
}

/** In the order of their ids, so that two workers never wait for each other in a circle. */
export async function tasksHeartbeat(work: Work, beats: readonly (Lease & { report: Report })[]): Promise<Many<Heartbeat>> {
  const seen = await tasksSeen(
    work,
    beats.map(({ id }) => id),
  )
  const done = new Map<number, Heartbeat>()
  const refused: Refusal[] = []
  const inOrder = [...beats.entries()].sort(([, a], [, b]) => (a.id < b.id ? -1 : 1))
  for (const [index, { report, ...lease }] of inOrder) {
    try {
      if (!seen.has(lease.id)) throw new NotFound('Task', ['id'])
      done.set(index, await taskHeartbeat(work, lease, report))
    } catch (error) {
      if (!(error instanceof NotFound || error instanceof TaskNotLeased)) throw error
      refused.push({ index, id: lease.id, error })
    }
  }
  return { done: [...beats.keys()].flatMap((index) => done.get(index) ?? []), refused: refused.sort((a, b) => a.index - b.index) }
}

/** One statement completes all whose lease is held; of two that say so of one task, the first counts. */
export async function tasksFinish(work: Work, completions: readonly Completion[]): Promise<Many<string>> {
  const seen = await tasksSeen(
    work,
    completions.map(({ id }) => id),
  )
  const first = new Map<string, Completion>()
  for (const completion of completions) if (seen.has(completion.id) && !first.has(completion.id)) first.set(completion.id, completion)
  const completed = await tasksComplete(work, [...first.values()])
  const refused = completions.flatMap((completion, index): Refusal[] => {
    if (completed.has(completion.id) && first.get(completion.id) === completion) return []
    return [{ index, id: completion.id, error: seen.has(completion.id) ? new TaskNotLeased() : new NotFound('Task', ['id']) }]
  })
  return { done: [...completed.keys()], refused }
}
