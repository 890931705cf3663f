/**
 * The trail of calls: who did what, or was refused. An entry is written in the transaction of the change that it tells of.
 *
 * Its position is counted where that of events is, in the same row by the same statement: so entries have no hole and stand in the
 * order of their commits, and none waits for a lock that its transaction would not take anyway.
 *
 * Personal data stands apart, under a salted digest that the entry holds. Calls of the same user from the same place share one
 * `Origin`, which is written once; what is removed is gone for all of them.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type Actor, actorId } from '../core/actor.ts'
import { DAY_MS } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import type { TrailedCall, TrailKind } from '../core/trailed-call.ts'
import { MAX_INT } from '../db/statement-values.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { NewEvent, Work } from './work.ts'

/** Woken where entries were committed without events. */
export const TRAIL_TOPIC = 'trail'

export interface OriginValues {
  userId: string | null
  address: string | null
  userAgent: string | null
  /** Of a failed login: the address that was tried. */
  email: string | null
}

/** Personal data of entries, and the digest that stands for it in them. */
export interface Origin extends OriginValues {
  readonly digest: string
  readonly salt: string
  readonly createdAtMs: number
  isWritten: boolean
}

export interface NewEntry {
  id: string
  kind: TrailKind
  operation: string
  operationName?: string | null
  userId?: string | null
  sessionId?: string | null
  apiKeyId?: string | null
  subjectType?: string | null
  subjectId?: string | null
  /** Null, or left out: it succeeded. */
  code?: string | null
  durationMs?: number | null
  requestId?: string | null
  count?: number | null
  origin?: Origin | null
  /** Told of, once this is committed. */
  call?: TrailedCall
}

/** How a call went. */
export interface Told {
  code?: string | null
  /** Where the call itself does not say. */
  subject?: { type: string; id: string } | null
  /** Who it turned out to be: a login. */
  userId?: string | null
  email?: string | null
}

/** So many origins are remembered as written; the oldest is forgotten first, and then written anew. */
const MAX_ORIGINS = 10_000
/** An origin is shared no longer than this, so that those of entries that retention removed can go by their age. */
export const ORIGIN_SHARED_MS = DAY_MS

export const originDigest = (salt: string, { userId, address, userAgent, email }: OriginValues, createdAtMs: number): string =>
  createHash('sha256')
    .update(JSON.stringify([salt, userId, address, userAgent, email, createdAtMs]))
    .digest('base64url')

export class Trail {
  readonly #origins = new Map<string, Origin>()

  constructor(readonly isOn: boolean) {}

  /** The entry of a call as it stands now. */
  entryOf(actor: Actor, call: TrailedCall, { code = null, subject = null, userId = actorId(actor), email = null }: Told = {}): NewEntry {
    const about = call.subject ?? subject
    return {
      id: newId(),
      kind: call.kind,
      operation: call.operation,
      operationName: call.operationName,
      userId,
      sessionId: actor.kind === 'session' ? actor.sessionId : null,
      apiKeyId: actor.kind === 'apiKey' ? actor.apiKeyId : null,
      subjectType: about?.type ?? null,
      subjectId: about?.id ?? null,
      code,
      durationMs: Math.round(performance.now() - call.startedAt),
      requestId: call.requestId,
      origin: this.origin({ userId, address: call.address, userAgent: call.userAgent, email }),
      call,
    }
  }

  /** That of calls from the same place, or a new one. */
  origin(values: OriginValues): Origin {
    const nowMs = Date.now()
    const key = JSON.stringify([values.userId, values.address, values.userAgent, values.email])
    const known = this.#origins.get(key)
    if (known && nowMs - known.createdAtMs < ORIGIN_SHARED_MS) return known
    const salt = randomBytes(16).toString('base64url')
    const origin = { ...values, salt, createdAtMs: nowMs, digest: originDigest(salt, values, nowMs), isWritten: false }
    this.#origins.delete(key)
    this.#origins.set(key, origin)
    if (this.#origins.size > MAX_ORIGINS) this.#origins.delete(this.#origins.keys().next().value!)
    return origin
  }

  /** What was written may have been removed: from here on nothing is shared with what came before. */
  forgetOrigins(): void {
    this.#origins.clear()
  }
}

/** A transaction that changed something on behalf of a call tells of it. */
export function tellOfCall(work: Work, actor: Actor): void {
  const { events, entries, trail } = work
  const [first] = events
  if (!actor.call || !first || !trail.isOn || entries.some(({ call }) => call === actor.call)) return
  const userId = actorId(actor) ?? first.actorId ?? null
  entries.push(trail.entryOf(actor, actor.call, { subject: subjectOf(first), userId }))
}

const subjectOf = ({ subjectType, subjectId }: NewEvent) => ({ type: subjectType, id: subjectId })

/** Before the transaction's last statement. */
export async function originsWrite(work: Work): Promise<void> {
  const origins = [...new Set(work.entries.flatMap(({ origin }) => (origin && !origin.isWritten ? [origin] : [])))]
  if (!origins.length) return
  // In one order, so that two transactions that write the same never wait in a circle.
  origins.sort((a, b) => (a.digest < b.digest ? -1 : 1))
  const text = (of: (origin: Origin) => string | null) => ({ kind: 'text' as const, values: origins.map(of) })
  const given = work.sql.table('given', {
    digest: text(({ digest }) => digest),
    salt: text(({ salt }) => salt),
    userId: text(({ userId }) => userId),
    address: text(({ address }) => address),
    userAgent: text(({ userAgent }) => userAgent),
    email: text(({ email }) => email),
    createdAtMs: { kind: 'bigint', values: origins.map(({ createdAtMs }) => BigInt(createdAtMs)) },
  })
  const columns = Prisma.raw('"digest", "salt", "userId", "address", "userAgent", "email", "createdAtMs"')
  await work.execute(
    Prisma.sql`INSERT INTO "AuditOrigin" (${columns}) SELECT ${columns} FROM ${given} WHERE 1 = 1 ORDER BY "digest" ON CONFLICT ("digest") DO NOTHING`,
  )
}

/** Once they are committed. */
export function entriesTold(entries: readonly NewEntry[]): void {
  for (const { call, origin } of entries) {
    if (call) call.isTold = true
    if (origin) origin.isWritten = true
  }
}

const TEXTS = [
  ['id', ({ id }) => id],
  ['kind', ({ kind }) => kind],
  ['operation', ({ operation }) => operation],
  ['operationName', ({ operationName }) => operationName],
  ['userId', ({ userId }) => userId],
  ['sessionId', ({ sessionId }) => sessionId],
  ['apiKeyId', ({ apiKeyId }) => apiKeyId],
  ['subjectType', ({ subjectType }) => subjectType],
  ['subjectId', ({ subjectId }) => subjectId],
  ['code', ({ code }) => code],
  ['requestId', ({ requestId }) => requestId],
  ['originDigest', ({ origin }) => origin?.digest],
] as const satisfies [string, (entry: NewEntry) => string | null | undefined][]
const NUMBERS = [
  ['durationMs', ({ durationMs }) => durationMs && Math.min(durationMs, MAX_INT)],
  ['count', ({ count }) => count],
] as const satisfies [string, (entry: NewEntry) => number | null | undefined][]

const NAMES = Prisma.raw([...TEXTS, ...NUMBERS].map(([column]) => `"${column}"`).join(', '))
export const ENTRY_COLUMNS = Prisma.sql`("position", "occurredAtMs", ${NAMES})`

/** Their values, column by column, in the order of `ENTRY_COLUMNS`: for PostgreSQL. */
export const entryArrays = (entries: readonly NewEntry[]): Prisma.Sql[] => [
  ...TEXTS.map(([, of]) => Prisma.sql`unnest(CAST(${entries.map((entry) => of(entry) ?? null)} AS TEXT[]))`),
  ...NUMBERS.map(([, of]) => Prisma.sql`unnest(CAST(${entries.map((entry) => of(entry) ?? null)} AS INTEGER[]))`),
]
export const ENTRY_NAMES = NAMES

/** The same as a table to select from, numbered from 1: for SQLite. */
export const entryTable = ({ sql }: Pick<Work, 'sql'>, entries: readonly NewEntry[]): Prisma.Sql =>
  sql.table('entry', {
    n: { kind: 'integer', values: entries.map((_entry, i) => i + 1) },
    ...Object.fromEntries(TEXTS.map(([column, of]) => [column, { kind: 'text' as const, values: entries.map((entry) => of(entry) ?? null) }])),
    ...Object.fromEntries(NUMBERS.map(([column, of]) => [column, { kind: 'integer' as const, values: entries.map((entry) => of(entry) ?? null) }])),
  })
