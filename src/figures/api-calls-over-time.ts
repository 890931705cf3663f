import { type Actor, actorId, seesAll } from '../core/actor.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { EVERYBODY } from '../tasks/tally.ts'
import { type ApiCalls, callsAdd } from './api-call-sum.ts'
import { type ApiCallRow, toApiCalls } from './api-calls-fold.ts'
import { bucketStart, type Span } from './bucket.ts'

export interface ApiCallsAsked {
  span: Span
  byOperation: boolean
  byCaller: boolean
  /** Whose; undefined: all that the actor may see. */
  ownerId?: string | undefined
  /** Most groups: those with most calls. */
  first: number
}

export interface ApiCallGroup extends Pick<ApiCalls, 'calls' | 'failed' | 'durations'> {
  startMs: number
  operation: string | null
  ownerId: string | null
  apiKeyId: string | null
}

/** Calls by buckets, oldest first, then the most first. An owner sees the own, ADMINs everybody's. */
export async function apiCallsOverTime(work: Work, actor: Actor, { span, byOperation, byCaller, ownerId, first }: ApiCallsAsked): Promise<ApiCallGroup[]> {
  const own = seesAll(actor) ? ownerId : (actorId(actor) ?? EVERYBODY)
  if (own !== undefined && !seesAll(actor) && (ownerId ?? own) !== own) return []
  const owners = own !== undefined ? Prisma.sql`"ownerId" = ${own}` : byCaller ? Prisma.sql`"ownerId" <> ${EVERYBODY}` : Prisma.sql`"ownerId" = ${EVERYBODY}`
  const isHours = span.bucket === 'HOUR'
  const within = Prisma.sql`${owners} AND "hours" = ${Prisma.raw(isHours ? '1' : '24')} AND "startMs" >= ${span.fromMs} AND "startMs" < ${span.toMs}`
  const named = [...(byOperation ? ['operation'] : []), ...(byCaller ? ['ownerId', 'apiKeyId'] : [])]
  const names = Prisma.raw(named.map((name) => `"${name}"`).join(', '))
  // Histograms are read of those groups alone that are told.
  const top = Prisma.sql`SELECT ${names} FROM "ApiCallSum" WHERE ${within} GROUP BY ${names} ORDER BY SUM("calls") DESC, ${names} LIMIT ${first}`
  const rows = await work.rows<ApiCallRow>(
    Prisma.sql`SELECT "ApiCallSum".* FROM "ApiCallSum" WHERE ${within} ${named.length ? Prisma.sql`AND (${names}) IN (${top})` : Prisma.empty}`,
  )
  const groups = new Map<string, ApiCallGroup>()
  if (!named.length) for (const startMs of span.starts) groups.set(String(startMs), { startMs, ...NOBODY, calls: 0, failed: 0, durations: {} })
  for (const row of rows.map(toApiCalls)) {
    const of = {
      startMs: bucketStart(span.bucket, row.startMs),
      operation: byOperation ? row.operation : null,
      ownerId: byCaller ? row.ownerId : null,
      apiKeyId: byCaller ? row.apiKeyId : null,
    }
    const key = named.length ? JSON.stringify(of) : String(of.startMs)
    const group = groups.get(key) ?? { ...of, calls: 0, failed: 0, durations: {} }
    groups.set(key, group)
    callsAdd(group, row)
  }
  return [...groups.values()].sort((a, b) => a.startMs - b.startMs || b.calls - a.calls || ((a.operation ?? '') < (b.operation ?? '') ? -1 : 1))
}

const NOBODY = { operation: null, ownerId: null, apiKeyId: null }
