import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { spaceHold } from './vector-space.ts'

/** A space is gone, in the transaction that removes it. Its vectors answer nobody from then on; they are removed in portions. */
export async function vectorSpaceRemove(work: Work, space: string): Promise<void> {
  await spaceHold(work, space, 'ALONE')
  await work.execute(
    Prisma.sql`UPDATE "VectorSet" SET "status" = ${work.sql.asEnum('VectorSetStatus', 'RETIRED')}, "taskId" = NULL WHERE "space" = ${space} AND "status" <> 'RETIRED'`,
  )
}
