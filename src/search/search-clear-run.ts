import { setImmediate as breath } from 'node:timers/promises'
import { fromGlobalId } from '../core/ids.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskType } from '../tasks/task-type.ts'
import { collectionClear } from './collection-delete.ts'
import { CLEAR_TYPE, type ClearParams } from './search-clear.ts'

export const searchClear = (): TaskType<ClearParams> => ({
  ...CLEAR_TYPE,
  async run(task) {
    const { id } = fromGlobalId(task.params.collectionId)
    for (;;) {
      task.signal.throwIfAborted()
      const isDone = await task.transact(async (work) => {
        const [deleted] = await work.rows(
          Prisma.sql`SELECT "id" FROM "SearchCollection" WHERE "id" = ${id} AND "ownerId" = ${task.ownerId} AND "deletedAtMs" IS NOT NULL`,
        )
        return !deleted || (await collectionClear(work, id))
      })
      await breath()
      if (isDone) return { summary: 'Nothing of it is left.' }
    }
  },
})
