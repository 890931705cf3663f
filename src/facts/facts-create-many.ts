/** Makes many facts by one transaction and a few statements. What could be wrong is looked for before anything is written. */
import { requireKnown } from '../core/actor.ts'
import { type DomainError, IdTaken } from '../core/errors.ts'
import { type ErrorPolicy, faultsRefuse, orTaken, type Skipped, skippedOf, type Wanted } from '../events/batch.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskIn } from '../tasks/task-move.ts'
import type { FactValues } from './fact.ts'
import { sourcesMissing } from './fact-access.ts'
import { type FactCreation, toNewFact } from './fact-create.ts'
import { factsInsert } from './facts-insert.ts'
import { factsSimilar, type Similar } from './facts-similar.ts'

export interface CreatedMany {
  /** In the order of what was asked for; null: skipped. */
  facts: (FactValues | null)[]
  /** Of each that was made; those made with it count too. */
  similar: Similar[][]
  skipped: Skipped[]
}

export async function factsCreateMany(work: Work, wanted: readonly Wanted<FactCreation>[], policy: ErrorPolicy): Promise<CreatedMany> {
  const { userId } = requireKnown(work.actor)
  const faults = await faultsOf(work, userId, wanted)
  if (policy === 'REJECT_ALL') faultsRefuse('facts', faults)
  const news = wanted.map(({ creation }, index) => (creation && !faults[index]!.length ? toNewFact(userId, creation) : null))
  const good = news.filter((fact) => fact !== null)
  const made = new Map((await orTaken('facts', () => factsInsert(work, good))).map((fact) => [fact.id, fact]))
  const similar = new Map((await factsSimilar(work, good)).map((found, i) => [good[i]!.id, found]))
  return {
    facts: news.map((fact) => fact && made.get(fact.id)!),
    similar: news.map((fact) => (fact ? similar.get(fact.id)! : [])),
    skipped: skippedOf('facts', faults),
  }
}

/** With the paths that they would have alone. */
async function faultsOf(work: Work, ownerId: string, wanted: readonly Wanted<FactCreation>[]): Promise<DomainError[][]> {
  const faults: DomainError[][] = wanted.map((each) => [...each.faults])
  const ids = wanted.flatMap(({ creation }) => creation?.id ?? [])
  const taken = new Set(ids.length ? (await work.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "Fact" WHERE ${taskIn(work, ids)}`)).map(({ id }) => id) : [])
  const missing = await sourcesMissing(
    work,
    ownerId,
    wanted.map(({ creation }) => creation ?? {}),
  )
  for (const [index, { creation }] of wanted.entries()) {
    const id = creation?.id
    if (id !== undefined && taken.has(id)) faults[index]!.push(new IdTaken('Fact'))
    if (id !== undefined) taken.add(id)
    faults[index]!.push(...missing[index]!)
  }
  return faults
}
