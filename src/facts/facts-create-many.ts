/** Makes many facts by one transaction and a few statements. What could be wrong is looked for before anything is written. */
import { requireKnown } from '../core/actor.ts'
import { DomainError, IdTaken } from '../core/errors.ts'
import { meaningOf } from '../db/constraints.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskIn } from '../tasks/task-move.ts'
import type { FactValues } from './fact.ts'
import { sourcesMissing } from './fact-access.ts'
import { type FactCreation, toNewFact } from './fact-create.ts'
import { factsInsert } from './facts-insert.ts'
import { factsSimilar, type Similar } from './facts-similar.ts'

export type ErrorPolicy = 'REJECT_ALL' | 'SKIP_FAILED'

/** One of many that are to be made: what was asked for, or what is wrong with the asking. */
export interface Wanted {
  creation: FactCreation | null
  faults: readonly DomainError[]
}

export interface CreatedMany {
  /** In the order of what was asked for; null: skipped. */
  facts: (FactValues | null)[]
  /** Of each that was made; those made with it count too. */
  similar: Similar[][]
  skipped: { index: number; errors: DomainError[] }[]
}

const MAX_FAULTS = 100
const MAX_FAULTS_OF_ONE = 10

export async function factsCreateMany(work: Work, wanted: readonly Wanted[], policy: ErrorPolicy): Promise<CreatedMany> {
  const { userId } = requireKnown(work.actor)
  const faults = await faultsOf(work, userId, wanted)
  const told = faults.map((some, index) => some.slice(0, MAX_FAULTS_OF_ONE).map((fault) => at(index, fault)))
  if (policy === 'REJECT_ALL' && told.some((some) => some.length)) throw new CreationsRefused(told.flat().slice(0, MAX_FAULTS))
  const news = wanted.map(({ creation }, index) => (creation && !faults[index]!.length ? toNewFact(userId, creation) : null))
  const good = news.filter((fact) => fact !== null)
  const made = new Map((await orTaken(() => factsInsert(work, good))).map((fact) => [fact.id, fact]))
  const similar = new Map((await factsSimilar(work, good)).map((found, i) => [good[i]!.id, found]))
  return {
    facts: news.map((fact) => fact && made.get(fact.id)!),
    similar: news.map((fact) => (fact ? similar.get(fact.id)! : [])),
    skipped: told.flatMap((errors, index) => (errors.length ? [{ index, errors }] : [])),
  }
}

/** With the paths that they would have alone. */
async function faultsOf(work: Work, ownerId: string, wanted: readonly Wanted[]): Promise<DomainError[][]> {
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

/** A fault of one, where it stands among many. */
const at = (index: number, { code, message, inputPath }: DomainError): DomainError =>
  new DomainError(code, message, ['input', 'facts', String(index), ...(inputPath ?? []).slice(1)])

class CreationsRefused extends DomainError {
  constructor(override readonly faults: readonly DomainError[]) {
    super(faults[0]!.code, faults[0]!.message, faults[0]!.inputPath)
  }
}

/** An id that a twin takes in the same moment is found by the writing itself, and then nothing is made. */
async function orTaken<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const meaning = meaningOf(error)
    throw meaning instanceof IdTaken ? new DomainError(meaning.code, meaning.message, ['input', 'facts']) : error
  }
}
