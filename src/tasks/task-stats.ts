import type { Work } from '../events/work.ts'
import type { TaskStatus } from './task.ts'

export interface TaskStats {
  total: number
  byStatus: { status: TaskStatus; count: number }[]
  byType: { type: string; count: number }[]
  /** COMPLETED of all that ended; null while none has. */
  completionRate: number | null
  meanDurationMs: number | null
}

/** Counts and means over the tasks of a condition. */
export async function taskStats(work: Work, where: object): Promise<TaskStats> {
  const groups = await work.db.task.groupBy({ by: ['type', 'status'], where, _count: { _all: true, durationMs: true }, _sum: { durationMs: true } })
  const timed = { count: 0, ms: 0 }
  for (const { status, _count, _sum } of groups) {
    if (status !== 'COMPLETED') continue
    timed.count += _count.durationMs
    timed.ms += Number(_sum.durationMs ?? 0)
  }
  const sum = (key: 'type' | 'status') => {
    const counts = new Map<string, number>()
    for (const group of groups) counts.set(group[key], (counts.get(group[key]) ?? 0) + group._count._all)
    return counts
  }
  const statuses = sum('status')
  const count = (...words: TaskStatus[]) => words.reduce((total, word) => total + (statuses.get(word) ?? 0), 0)
  const finished = count('COMPLETED', 'FAILED', 'CANCELLED')
  return {
    total: groups.reduce((total, group) => total + group._count._all, 0),
    byStatus: (['CREATED', 'QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const).map((status) => ({ status, count: count(status) })),
    byType: [...sum('type')].map(([type, each]) => ({ type, count: each })).sort((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1)),
    completionRate: finished ? count('COMPLETED') / finished : null,
    meanDurationMs: timed.count ? timed.ms / timed.count : null,
  }
}
