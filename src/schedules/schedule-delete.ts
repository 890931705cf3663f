import type { Actor } from '../core/actor.ts'
import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Store } from '../events/store.ts'
import { type Committed, transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { tasksUnschedule } from '../tasks/tasks-unschedule.ts'
import { scheduleChanged, scheduleHold } from './schedule-change.ts'
import { schedulePause } from './schedule-pause.ts'

/** What one transaction forgets of a schedule's ticks, and lets go of its tasks. */
const AT_ONCE = 2000

/**
 * Removes a schedule with its ticks; the tasks it made stay. One that has made very many only comes to rest here, and
 * `scheduleForget` does the rest. Answers whether it is gone.
 */
export async function scheduleDelete(work: Work, id: string): Promise<boolean> {
  const { schedule } = await scheduleHold(work, id)
  if ((await letGo(work, id)) === 'MORE') {
    await schedulePause(work, id)
    return false
  }
  await work.execute(Prisma.sql`DELETE FROM "Schedule" WHERE "id" = ${id}`)
  scheduleChanged(work, 'DELETED', { before: null, after: schedule })
  return true
}

/** Goes on with a removal that was begun, in steps; where there is nothing left, it does nothing. */
export async function scheduleForget(store: Store, actor: Actor, id: string): Promise<Committed<unknown> | null> {
  const { ownerId } = ownedBy(actor)
  const mine = Prisma.sql`"id" = ${id} ${ownerId === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${ownerId}`}`
  for (let step: Committed<unknown> | null = null; ; ) {
    const [left] = await store.database.rows(Prisma.sql`SELECT "id" FROM "Schedule" WHERE ${mine}`)
    if (!left) return step
    try {
      step = await transact(store, actor, (work) => scheduleDelete(work, id))
    } catch (error) {
      // Somebody else was faster.
      if (!(error instanceof NotFound)) throw error
    }
  }
}

/** Ticks and tasks, up to so many: what a single DELETE would touch all at once, for as long as it takes. */
async function letGo(work: Work, id: string): Promise<'ALL' | 'MORE'> {
  const ticks = await work.execute(Prisma.sql`
    DELETE FROM "ScheduleTick" WHERE "scheduleId" = ${id} AND "tickAtMs" IN (SELECT "tickAtMs" FROM "ScheduleTick" WHERE "scheduleId" = ${id} ORDER BY "tickAtMs" LIMIT ${AT_ONCE})`)
  const tasks = await tasksUnschedule(work, id, AT_ONCE)
  return ticks === AT_ONCE || tasks === AT_ONCE ? 'MORE' : 'ALL'
}
