/** Ending, putting away and removing many tasks. */
import { toGlobalId } from '../core/ids.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { discardedClear } from '../streams/streams-discard.ts'
import { tasksArchive } from './tasks-archive.ts'
import { type Bulk, bulk } from './tasks-bulk.graphql.ts'
import { tasksCancel } from './tasks-cancel.ts'
import { tasksDelete } from './tasks-delete.ts'
import { tasksRetry } from './tasks-retry.ts'

bulk('taskCancelMany', {
  description: 'Ends many tasks, as `taskCancel` does one: those that wait are CANCELLED at once, those that run are asked to stop.',
  can: () => Prisma.sql`"status" IN ('CREATED', 'QUEUED', 'RUNNING') AND "cancelRequestedAtMs" IS NULL`,
  change: tasksCancel,
})

bulk('taskRetryMany', {
  description:
    'Queues many tasks anew that FAILED or were CANCELLED, as `taskRetry` does one; each after those of them that it depends on, and parts of a task together with it.',
  can: () => Prisma.sql`"status" IN ('FAILED', 'CANCELLED')`,
  change: tasksRetry,
})

bulk('taskArchiveMany', {
  description: 'Puts many tasks away that have ended, as `taskArchive` does one.',
  can: () => Prisma.sql`"completedAtMs" IS NOT NULL AND "archivedAtMs" IS NULL`,
  change: (work, ids) => tasksArchive(work, ids),
})

bulk('taskUnarchiveMany', {
  description: 'Takes many tasks out again that were put away.',
  can: () => Prisma.sql`"archivedAtMs" IS NOT NULL`,
  change: (work, ids) => tasksArchive(work, ids, false),
})

bulk('taskDeleteMany', {
  description:
    'Removes many tasks that do not run, with their streams, as `taskDelete` does one: with `filter: {completedAt: {lt: …}}` what ended before a moment, with `{archivedAt: {isNull: false}}` what was put away. The log of what happened to them stays.',
  can: () => Prisma.sql`"status" <> 'RUNNING'`,
  change: tasksDelete,
  after: (ctx) => discardedClear(ctx.app.store),
  payload: (t) => ({
    deletedIds: t.idList({
      nullable: true,
      description: 'Those that were removed, in the order of `ids`; null where they were found by a filter.',
      resolve: ({ made }: { made: Bulk | null }) => made?.taskIds?.map((id) => toGlobalId('Task', id)) ?? null,
    }),
  }),
})
