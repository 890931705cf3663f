/** What happened to tasks, as this process has committed it. */
import { counter, LONG, timer } from '../core/figures.ts'
import { registerCommitted } from '../events/committed.ts'

const created = counter({ name: 'holdfast_tasks_created', help: 'Tasks made.', labels: ['type'] })
const retried = counter({
  name: 'holdfast_tasks_retried',
  help: 'Tasks queued again after an attempt failed, was lost or took too long, or by request.',
  labels: ['type'],
})
const waited = timer({
  name: 'holdfast_task_wait_seconds',
  help: 'What attempts waited before they were started, since their task was queued or due.',
  labels: ['type'],
  bounds: LONG,
})
const ran = timer({
  name: 'holdfast_task_run_seconds',
  help: 'Tasks that ended, from the start of their last attempt to the end; those that were never started are not among them.',
  labels: ['type', 'status'],
  bounds: LONG,
})
const ended = counter({ name: 'holdfast_tasks_ended', help: 'Tasks that ended, by how they did.', labels: ['type', 'status'] })

const FINAL: ReadonlySet<unknown> = new Set(['COMPLETED', 'FAILED', 'CANCELLED'])

interface Told {
  type: string
  status: string
  runAtMs: number
  queuedAtMs: number
  startedAtMs: number
  durationMs?: number
  before?: { status?: string }
}

registerCommitted('TASK_', ({ kind, data }) => {
  const { type, status, runAtMs, queuedAtMs, startedAtMs, durationMs, before } = data as unknown as Told
  if (kind === 'TASK_CREATED') created.of(type).add()
  if (before?.status === undefined) return
  if (status === 'RUNNING') waited.of(type).putMs(startedAtMs - Math.max(queuedAtMs, runAtMs))
  else if (FINAL.has(status)) {
    ended.of(type, status).add()
    if (durationMs !== undefined) ran.of(type, status).putMs(durationMs)
  } else if (status === 'QUEUED' && before.status !== 'CREATED' && kind !== 'TASK_RELEASED' && kind !== 'TASK_WAITING') retried.of(type).add()
})
