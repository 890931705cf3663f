/** What a worker elsewhere may claim: an API key its owner's tasks, an ADMIN's everybody's. */
import { actorId, seesAll } from '../core/actor.ts'
import { DomainError } from '../core/errors.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Lanes, lanesOfOwner, lanesOfTypes } from './lanes.ts'
import { ADMINS, outsideNames } from './outside-type.ts'
import { UnknownTaskType } from './task-errors.ts'
import { type Rate, rateName } from './task-rates.ts'
import type { TaskTypes } from './task-type.ts'
import { TaskTypeBuiltIn } from './task-type-errors.ts'

export interface Claimable {
  lanes: Lanes
  /** By `rateName`: of an owner who has the type themselves, or of all others. Null: any number. */
  rates: ReadonlyMap<string, Rate | null>
  /** Registrations that are to be told that a worker asks for them. */
  due: readonly string[]
}

/** So often it is written down that a worker asks for a type. */
const TOUCH_EVERY_MS = 20_000

interface Row {
  id: string
  name: string
  ownerId: string
  isForAll: boolean
  rateLimit: number | null
  rateSeconds: number | null
  isDue: boolean
}

/** Which lanes the named types are for this actor. Every name that is none of theirs is told. */
export async function claimable(work: Work, builtIn: TaskTypes, names: readonly string[], at: readonly string[] = ['input', 'types']): Promise<Claimable> {
  const mine = actorId(work.actor) ?? ''
  const isAdmin = seesAll(work.actor)
  const rows = await work.rows<Row>(Prisma.sql`
    SELECT "id", "name", "ownerId", "rateLimit", "rateSeconds", CASE WHEN "ownerId" IN (${ADMINS}) THEN 1 ELSE 0 END AS "isForAll",
      CASE WHEN "lastClaimedAtMs" IS NULL OR "lastClaimedAtMs" < ${work.sql.nowMs} - CAST(${TOUCH_EVERY_MS} AS INTEGER) THEN 1 ELSE 0 END AS "isDue"
    FROM "OutsideTaskType" WHERE "name" IN (${Prisma.join([...names])}) ${isAdmin ? Prisma.empty : Prisma.sql`AND ("ownerId" = ${mine} OR "ownerId" IN (${ADMINS}))`}
    ORDER BY "createdAtMs", "id"`)
  const registered = new Set(rows.map(({ name }) => name))
  const known = names.every((name) => builtIn.get(name) || registered.has(name)) ? [] : await outsideNames(work)
  const faults = names.flatMap((name, i) => {
    const path = [...at, String(i)]
    if (builtIn.get(name)) return isAdmin ? [] : [new TaskTypeBuiltIn(`${name} is run by servers; only an ADMIN's worker may claim it.`, path)]
    return registered.has(name) ? [] : [new UnknownTaskType(name, known, path)]
  })
  if (faults.length) throw new NotClaimable(faults)
  return {
    lanes: isAdmin ? lanesOfTypes(names) : lanesOfOwner(names, mine),
    rates: ratesOf(builtIn, names, rows, isAdmin ? null : mine),
    due: rows.filter((row) => row.isDue && (isAdmin || row.ownerId === mine)).map(({ id }) => id),
  }
}

/**
 * As the type is that a task is of: built in; else registered by its owner, with a rate or without; else the eldest for everybody, whose
 * rate holds for all together who have none of their own.
 */
function ratesOf(builtIn: TaskTypes, names: readonly string[], rows: readonly Row[], owner: string | null): Map<string, Rate | null> {
  const rates = new Map<string, Rate | null>()
  const rateOf = ({ rateLimit, rateSeconds }: Row): Rate | null => (rateLimit && rateSeconds ? { limit: rateLimit, seconds: rateSeconds } : null)
  for (const name of names) {
    const known = builtIn.get(name)
    if (known) {
      if (known.rate) rates.set(name, known.rate)
      continue
    }
    const ofName = rows.filter((row) => row.name === name)
    const forAll = ofName.find(({ isForAll }) => isForAll)
    if (forAll) rates.set(name, rateOf(forAll))
    for (const row of ofName) if (row !== forAll && (owner === null || row.ownerId === owner)) rates.set(rateName(name, row.ownerId), rateOf(row))
  }
  return rates
}

/** Notes that a worker asks for these registrations. */
export async function typesTouch(store: Store, actor: Work['actor'], ids: readonly string[]): Promise<void> {
  if (!ids.length) return
  await transact(store, actor, (work) =>
    work.execute(Prisma.sql`UPDATE "OutsideTaskType" SET "lastClaimedAtMs" = ${work.sql.nowMs}
      WHERE "id" IN (${Prisma.join([...ids])}) AND ("lastClaimedAtMs" IS NULL OR "lastClaimedAtMs" < ${work.sql.nowMs} - CAST(${TOUCH_EVERY_MS} AS INTEGER))`),
  )
}

/** All names that may not be claimed, at once. */
class NotClaimable extends DomainError {
  constructor(override readonly faults: readonly DomainError[]) {
    super(faults[0]!.code, faults[0]!.message, faults[0]!.inputPath)
  }
}
