import { setImmediate as breath } from 'node:timers/promises'
import type { Actor } from '../core/actor.ts'
import { BadUserInput } from '../core/errors.ts'
import type { Filter } from '../core/filter.ts'
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { EVERYBODY, newTally, type Tally, TallyChanges, tallyAdd } from './tally.ts'
import { isEverybody, type TallyScope, tallyRead, tallyWhere } from './tally-read.ts'
import { tallyRecount } from './tally-recount.ts'
import { TALLY_COLUMNS, type TallyRow, toTally } from './tally-write.ts'
import { tallyScopeOf, taskWhere } from './task-stats-scope.ts'
import { type Throughput, taskThroughput } from './task-stats-throughput.ts'

export interface TaskStats {
  /** The place in the log that they stand for. */
  position: number
  all: Tally
  /** Those with tasks, most first. */
  byType: Tally[]
  throughput(minutes: number): Promise<Throughput[]>
}

export const totalOf = ({ counts }: Tally): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

/**
 * Figures over the tasks that an actor may see: by owner and type out of what is counted all along, exact to the last commit and as
 * fast over a million tasks as over ten; by other filters out of the tasks themselves, while
 * the server goes on.
 */
export async function taskStats(store: Store, actor: Actor, filter?: Filter | null): Promise<TaskStats> {
  const scope = tallyScopeOf(actor, filter)
  if (scope) return talliedStats(store, scope)
  const { tallies, position } = await tallyRecount({ rows: (sql) => store.database.rowsAside(sql) }, { where: taskWhere(actor, filter), pause: breath })
  return {
    ...statsOf(tallies),
    position,
    throughput: () => {
      throw new BadUserInput('What happened in each minute is known by type and owner only: filter by these, with eq or in.', ['filter'])
    },
  }
}

/** Out of what is counted. */
export async function talliedStats(store: Store, scope: TallyScope): Promise<TaskStats> {
  const { rows, happened, position } = await tallyRead<TallyRow>(
    store,
    scope,
    Prisma.sql`SELECT ${TALLY_COLUMNS} FROM "TaskTally" WHERE ${tallyWhere('TaskTally', scope)}`,
  )
  const changes = new TallyChanges()
  for (const each of happened) changes.count(each, isEverybody(scope) ? EVERYBODY : each.ownerId)
  return { ...statsOf([...rows.map(toTally), ...changes.tallies.values()]), position, throughput: (minutes) => taskThroughput(store, scope, minutes) }
}

/** Tallies of the same type are added up. */
function statsOf(tallies: readonly Tally[]): Pick<TaskStats, 'all' | 'byType'> {
  const all = newTally(EVERYBODY, '')
  const byType = new Map<string, Tally>()
  for (const tally of tallies) {
    const sum = byType.get(tally.type) ?? newTally(EVERYBODY, tally.type)
    byType.set(tally.type, sum)
    tallyAdd(sum, tally)
    tallyAdd(all, tally)
  }
  const present = [...byType.values()].filter((tally) => totalOf(tally) > 0)
  return { all, byType: present.sort((a, b) => totalOf(b) - totalOf(a) || (a.type < b.type ? -1 : 1)) }
}
