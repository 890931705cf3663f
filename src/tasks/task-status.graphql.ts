/** Where a task is in its life, and what all long work has in common. */
import { toDate, toDateOrNull } from '../core/clock.ts'
import { builder } from '../graphql/builder.ts'
import type { TaskStatus } from './task.ts'

export const TaskStatusEnum = builder.enumType('TaskStatus', {
  description: 'Where a task is in its life.',
  values: {
    CREATED: { description: 'Written down, not yet to be run; `taskRun` queues it.' },
    QUEUED: { description: 'Waits for a worker, and for `runAt`.' },
    RUNNING: { description: 'A worker holds it under a lease; a lease that is not renewed in time is taken over.' },
    COMPLETED: { description: 'Ended well; `result` is there. Final.' },
    FAILED: { description: 'Ended badly; `error` says why. Final until `taskRetry`.' },
    CANCELLED: { description: 'Ended by request. Final until `taskRetry`.' },
  },
})

export const Job = builder
  .interfaceRef<{
    status: TaskStatus
    progress: number | null
    error: string | null
    createdAtMs: bigint
    startedAtMs: bigint | null
    completedAtMs: bigint | null
  }>('Job')
  .implement({ description: 'Any long work: how it stands, and how far it is.', resolveType: () => 'Task' })

builder.interfaceFields(Job, (t) => ({
  id: t.id({ description: 'The global id.', resolve: (job) => (job as unknown as { id: string }).id }),
  status: t.field({ type: TaskStatusEnum, description: 'Where it is in its life.', resolve: (job) => job.status }),
  progress: t.exposeFloat('progress', { nullable: true, description: 'From 0 to 1; null where nothing was told.' }),
  error: t.exposeString('error', { nullable: true, description: 'Why it failed, or why its last attempt did.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (job) => toDate(job.createdAtMs) }),
  startedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When its present or last attempt began.',
    resolve: (job) => toDateOrNull(job.startedAtMs),
  }),
  completedAt: t.field({ type: 'DateTime', nullable: true, description: 'When it reached a final status.', resolve: (job) => toDateOrNull(job.completedAtMs) }),
}))
