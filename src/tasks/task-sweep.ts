import { server } from '../core/actor.ts'
import { transact } from '../events/transact.ts'
import { streamsRescue } from '../streams/streams-end.ts'
import { AttemptEnd } from './attempt-ending.ts'
import { leasesRenew } from './leases-renew.ts'
import type { AttemptHost, TaskAttempt } from './task-attempt.ts'
import { tasksRescue } from './tasks-rescue.ts'
import { tasksStop } from './tasks-stop.ts'

/**
 * Renews the leases of a server's own attempts, and only then takes over what others lost, and ends what has lasted too long. An attempt whose
 * lease was lost, or that was to be cancelled, ends.
 */
export async function taskSweep({ store, log }: Pick<AttemptHost, 'store' | 'log'>, mine: readonly TaskAttempt[]): Promise<void> {
  if (mine.length) {
    const { result: held } = await transact(store, server, (work) =>
      leasesRenew(
        work,
        mine.map((attempt) => attempt.lease),
      ),
    )
    for (const attempt of mine) {
      const renewed = held.get(attempt.lease)
      if (!renewed) attempt.end(AttemptEnd.LEASE_LOST)
      else if (renewed.cancelRequested) attempt.end(AttemptEnd.CANCELLED)
    }
  }
  const { result: rescued } = await transact(store, server, (work) => tasksRescue(work))
  for (const task of rescued) log.info({ taskId: task.id, status: task.status, attempt: task.attempt }, 'Took a task from a lost worker.')
  const { result: stopped } = await transact(store, server, tasksStop)
  for (const task of stopped) log.info({ taskId: task.id, status: task.status, attempt: task.attempt }, 'Ended a task whose time was over.')
  await transact(store, server, streamsRescue)
}
