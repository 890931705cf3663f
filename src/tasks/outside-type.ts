/**
 * Task types that only programs elsewhere run. Whoever has such programs registers their types: a USER for their own tasks,
 * an ADMIN for everybody's.
 */
import { actorId } from '../core/actor.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type ParamsCheck, paramsCheck, TOOK_TOO_LONG } from './params-schema.ts'

export interface OutsideType {
  id: string
  name: string
  ownerId: string
  description: string | null
  paramsSchema: unknown
  maxAttempts: number | null
  timeoutSeconds: number | null
  retryPolicy: unknown
  rateLimit: number | null
  rateSeconds: number | null
  /** Everything that is wrong with the params of a task of this type. */
  check: ParamsCheck
}

type Row = Omit<OutsideType, 'check'> & { updatedAtMs: number; hasSchema: boolean }

const COLUMNS = Prisma.raw(
  ['id', 'name', 'ownerId', 'description', 'maxAttempts', 'timeoutSeconds', 'retryPolicy', 'rateLimit', 'rateSeconds', 'updatedAtMs']
    .map((column) => `"OutsideTaskType"."${column}"`)
    .join(', '),
)

/** Whoever registers a type for everybody's tasks. */
export const ADMINS = Prisma.sql`SELECT "User"."id" FROM "User" WHERE "User"."role" = 'ADMIN' AND "User"."disabledAtMs" IS NULL`

/** What one transaction has found: it may make a thousand tasks of a type. */
const found = new WeakMap<Work, Map<string, Promise<OutsideType | null>>>()

/** The type of this name that the actor's tasks have: their own registration, else the eldest of an ADMIN; null where there is none. */
export function outsideTypeFor(work: Work, name: string): Promise<OutsideType | null> {
  const known = found.get(work) ?? new Map<string, Promise<OutsideType | null>>()
  found.set(work, known)
  const type = known.get(name) ?? find(work, name)
  known.set(name, type)
  return type
}

/** What one transaction has been told: it may refuse a thousand tasks. */
const told = new WeakMap<Work, Promise<string[]>>()

/** The names of the types that the actor's tasks may have, in their order; all but those of the server itself. */
export function outsideNames(work: Work): Promise<string[]> {
  const names =
    told.get(work) ??
    work
      .rows<{ name: string }>(
        Prisma.sql`SELECT DISTINCT "name" FROM "OutsideTaskType" WHERE "ownerId" = ${actorId(work.actor) ?? ''} OR "ownerId" IN (${ADMINS}) ORDER BY "name"`,
      )
      .then((rows) => rows.map(({ name }) => name))
  told.set(work, names)
  return names
}

async function find(work: Work, name: string): Promise<OutsideType | null> {
  const look = (owner: Prisma.Sql) =>
    work.rows<Row>(Prisma.sql`
      SELECT ${COLUMNS}, "paramsSchema" IS NOT NULL AS "hasSchema" FROM "OutsideTaskType"
      WHERE "name" = ${name} AND ${owner} ORDER BY "createdAtMs", "id" LIMIT 1`)
  // One after the other: most find their own, and need not know who the ADMINs are.
  const [own] = await look(Prisma.sql`"ownerId" = ${actorId(work.actor) ?? ''}`)
  const row = own ?? (await look(Prisma.sql`"ownerId" IN (${ADMINS})`))[0]
  if (!row) return null
  const { paramsSchema, check } = row.hasSchema ? await compiled(work, row) : ANYTHING
  return { ...row, paramsSchema, check: amongOthers(work, check) }
}

/** A check that takes so long is slow; for all slow ones of one transaction together there is so much time, for nobody else is served meanwhile. */
const SLOW_MS = 25
const SLOW_LIMIT_MS = 2_000
const slow = new WeakMap<Work, number>()

function amongOthers(work: Work, check: ParamsCheck): ParamsCheck {
  return (params) => {
    const before = slow.get(work) ?? 0
    if (before >= SLOW_LIMIT_MS) return [...TOOK_TOO_LONG]
    const began = performance.now()
    const issues = check(params)
    const tookMs = performance.now() - began
    if (tookMs >= SLOW_MS) slow.set(work, before + tookMs)
    return issues
  }
}

interface Compiled {
  paramsSchema: unknown
  check: ParamsCheck
  bytes: number
}

const ANYTHING: Compiled = { paramsSchema: null, check: () => [], bytes: 0 }

/** The least recently used go first. */
const cache = new Map<string, Compiled>()
const CACHE_BYTES = 2_000_000
let cachedBytes = 0

/** A registration changes its `updatedAtMs` whenever it changes, so this is never an older schema. */
async function compiled(work: Work, { id, updatedAtMs }: Row): Promise<Compiled> {
  const known = touch(`${id} ${updatedAtMs}`)
  if (known) return known
  const [now] = await work.rows<{ paramsSchema: unknown; updatedAtMs: number }>(
    Prisma.sql`SELECT "paramsSchema", "updatedAtMs" FROM "OutsideTaskType" WHERE "id" = ${id}`,
  )
  if (now?.paramsSchema === null || now === undefined) return ANYTHING
  const made: Compiled = { ...now, check: paramsCheck(now.paramsSchema), bytes: JSON.stringify(now.paramsSchema).length }
  const key = `${id} ${now.updatedAtMs}`
  if (cache.has(key)) return cache.get(key)!
  cache.set(key, made)
  cachedBytes += made.bytes
  for (const [eldest, { bytes }] of cache) {
    if (cachedBytes <= CACHE_BYTES) break
    cache.delete(eldest)
    cachedBytes -= bytes
  }
  return made
}

function touch(key: string): Compiled | undefined {
  const known = cache.get(key)
  if (!known) return undefined
  cache.delete(key)
  cache.set(key, known)
  return known
}
