/**
 * Does something to all tasks that fulfil a filter, in small transactions, so that the queue goes on meanwhile.
 *
 * Each step finds the next tasks by their place in the order in which they were made, and then does what is to be done to those
 * of them to which it still can be done. With an idempotency key each step is remembered by itself, with the place it ended at:
 * sent again after a crash, the call passes over what it did and goes on from there.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { type Actor, ownedBy } from '../core/actor.ts'
import { type Filter, filterCheck } from '../core/filter.ts'
import { filterSql } from '../db/filter-sql.ts'
import { once } from '../events/once.ts'
import type { Store } from '../events/store.ts'
import type { Committed } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { TASK_FILTER_FIELDS } from './task-filter.ts'
import { ownedTask } from './task-move.ts'

export interface Sweeping {
  mutation: string
  key: string | undefined
  input: unknown
  filter: Filter
  /** Of those that fulfil the filter, the ones to which it can be done, and was not yet: what was done to a task must take it out of these. */
  can: Prisma.Sql
  /** Does it, and answers to how many. */
  change: (work: Work, ids: string[]) => Promise<number>
}

export interface Swept {
  count: number
  /** Whether it stopped at the most that a call does. */
  hasMore: boolean
}

export const MOST_AT_ONCE = 10_000
const STEP = 500

export async function tasksOfFilter(store: Store, actor: Actor, { mutation, key, input, filter, can, change }: Sweeping): Promise<Committed<Swept>> {
  filterCheck(filter, TASK_FILTER_FIELDS, ['input'])
  const where = Prisma.sql`${ownedTask(ownedBy(actor))} AND ${filterSql(filter, TASK_FILTER_FIELDS)} AND ${can}`
  const swept: Committed<Swept> = { result: { count: 0, hasMore: false }, position: null }
  let after: string | null = null
  for (let step = 0; step < MOST_AT_ONCE / STEP; step++) {
    const { ids, next } = await found(store, where, after)
    if (!ids.length && key === undefined) return swept
    const { result, position } = await once(store, actor, { mutation: `${mutation}#${step}`, key, input }, async (work) => ({
      count: ids.length ? await change(work, ids) : 0,
      next,
    }))
    swept.result.count += result.count
    swept.position = position ?? swept.position
    after = result.next
    if (after === null) return swept
    await turn()
  }
  // Where nothing could be done to any of so many, calling again would do nothing either.
  swept.result.hasMore = swept.result.count > 0
  return swept
}

/** The next of them, and the place of the last of these if there are more: when it was made, and its id. */
async function found({ database }: Store, where: Prisma.Sql, after: string | null): Promise<{ ids: string[]; next: string | null }> {
  const [madeMs, id] = after?.split(' ') ?? []
  const made = Prisma.sql`CAST(${madeMs ?? null} AS BIGINT)`
  const beyond = after === null ? Prisma.sql`1 = 1` : Prisma.sql`"createdAtMs" >= ${made} AND ("createdAtMs" > ${made} OR "id" > ${id})`
  const rows = await database.rows<{ id: string; createdAtMs: number }>(
    Prisma.sql`SELECT "id", "createdAtMs" FROM "Task" WHERE ${where} AND ${beyond} ORDER BY "createdAtMs", "id" LIMIT ${STEP + 1}`,
  )
  const last = rows.length > STEP ? rows[STEP - 1]! : null
  return { ids: rows.slice(0, STEP).map((row) => row.id), next: last && `${last.createdAtMs} ${last.id}` }
}
