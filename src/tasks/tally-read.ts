/**
 * Reading what is counted, with what is not counted yet: the tallies stand at some place of the log, and the events after it are
 * few. Both together are exactly what was committed when the reading began, so that who has just made a task finds it.
 */
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { EVERYBODY, type Happened } from './tally.ts'
import { tallyEvents } from './tally-events.ts'
import { isContinuous, TALLY_LAG, type TallyLag, tallyCatchUp } from './tally-fold.ts'

/** Whose tasks, of which types. Everybody's are those of `EVERYBODY`. */
export interface TallyScope {
  ownerIds: readonly string[]
  /** Left out: of all. */
  types?: readonly string[]
}

/** More than this is counted first: it comes to some ten milliseconds. */
const MAX_UNCOUNTED = 2000
/** While events come faster than they can be counted: the last time all that there is is taken. */
const TRIES = 4

export interface Reading<T> {
  rows: T[]
  happened: Happened[]
  /** The place in the log that all this stands for. */
  position: number
}

/** The rows of a table of tallies, as `part`, and what happened to the same tasks since they were written. */
export async function tallyRead<T>(store: Store, scope: TallyScope, part: Prisma.Sql): Promise<Reading<T>> {
  const { database } = store
  for (let tries = 1; ; tries++) {
    // By one statement, so that the rows and the place are of the same moment.
    const found = await database.rows<T & TallyLag & { isRow: number | null }>(
      Prisma.sql`SELECT "head".*, "part".* FROM ${TALLY_LAG} LEFT JOIN (SELECT 1 AS "isRow", "row".* FROM (${part}) AS "row") AS "part" ON 1 = 1`,
    )
    const { counted, position } = found[0]!
    if (isContinuous(found[0]!) && (position - counted <= MAX_UNCOUNTED || tries >= TRIES)) {
      const happened = await tallyEvents(database, { after: counted, through: position, ...scope, ownerIds: isEverybody(scope) ? undefined : scope.ownerIds })
      return { rows: found.filter((row) => row.isRow), happened, position }
    }
    await tallyCatchUp(store)
  }
}

export const isEverybody = ({ ownerIds }: TallyScope): boolean => ownerIds.includes(EVERYBODY)

/** The rows of a table of tallies that a scope means. */
export function tallyWhere(table: string, { ownerIds, types }: TallyScope): Prisma.Sql {
  const column = (name: string) => Prisma.raw(`"${table}"."${name}"`)
  const among = (values: readonly string[]) => (values.length ? Prisma.sql`IN (${Prisma.join([...values])})` : Prisma.sql`IN (NULL)`)
  return Prisma.sql`${column('ownerId')} ${among(ownerIds)}${types ? Prisma.sql` AND ${column('type')} ${among(types)}` : Prisma.empty}`
}
