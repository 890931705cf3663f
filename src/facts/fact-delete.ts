import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { factChanged } from './fact.ts'
import { factHold, factMine } from './fact-access.ts'
import { factUnindex } from './fact-index.ts'

/** Removes a fact with its tags. */
export async function factDelete(work: Work, id: string): Promise<void> {
  const fact = await factHold(work, id)
  await work.execute(Prisma.sql`DELETE FROM "Fact" WHERE ${factMine(work, id)}`)
  await factUnindex(work, fact)
  factChanged(work, 'DELETED', fact)
}
