/** What figures are asked for: by owner and type, which are counted all along, or by anything else, which must be looked for. */
import { type Actor, actorId, ownedBy, seesAll } from '../core/actor.ts'
import { type Comparators, type Filter, filterWhere } from '../core/filter.ts'
import { filterSql } from '../db/filter-sql.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { EVERYBODY } from './tally.ts'
import type { TallyScope } from './tally-read.ts'
import { TASK_FILTER_FIELDS } from './task-filter.ts'
import { ownedTask } from './task-move.ts'

/** The tallies that a filter means; null where it asks for more than owners and types, with more than `eq` and `in`. */
export function tallyScopeOf(actor: Actor, filter: Filter | null | undefined): TallyScope | null {
  filterWhere(filter, TASK_FILTER_FIELDS) // refuses what is too large
  const { type, ownerId, ...others } = filter ?? {}
  if (Object.values(others).some((condition) => condition !== null && condition !== undefined)) return null
  const types = namedBy(type)
  const owners = namedBy(ownerId)
  if (types === null || owners === null) return null
  const wanted = owners?.map((id) => TASK_FILTER_FIELDS.ownerId!.write!(id) as string).filter((id) => id !== '')
  const own = actorId(actor)
  const ownerIds = seesAll(actor) ? (wanted ?? [EVERYBODY]) : own !== null && (!wanted || wanted.includes(own)) ? [own] : []
  return { ownerIds, ...(types && { types }) }
}

/** The values that a condition names; undefined where it asks for nothing, null where it is not that simple. */
function namedBy(condition: unknown): string[] | undefined | null {
  const given = Object.entries((condition ?? {}) as Comparators).filter(([, value]) => value !== null && value !== undefined)
  if (!given.length) return undefined
  if (given.some(([operator]) => operator !== 'eq' && operator !== 'in')) return null
  const lists = given.map(([, value]) => [value].flat() as string[])
  return [...new Set(lists[0])].filter((value) => lists.every((list) => list.includes(value)))
}

/** The tasks that a filter means, of those that the actor may see. */
export const taskWhere = (actor: Actor, filter: Filter | null | undefined): Prisma.Sql =>
  Prisma.sql`${filterSql(filter, TASK_FILTER_FIELDS)} AND ${ownedTask(ownedBy(actor))}`
