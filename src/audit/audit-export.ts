/** The trail as text, line by line: JSONL, or CSV that no spreadsheet takes for formulas. Read page by page, as fast as it is taken. */
import type { Actor } from '../core/actor.ts'
import { toGlobalId } from '../core/ids.ts'
import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { entriesSeenBySql } from './audit-access.ts'
import { ENTRY_VALUES, type EntryRow } from './audit-entry.ts'

export type ExportFormat = 'jsonl' | 'csv'

export interface Exporting {
  format: ExportFormat
  /** By their places: after this one, and up to that one. */
  after: number
  through: number
  /** By their times. */
  fromMs?: number | undefined
  beforeMs?: number | undefined
  /** Only what was refused. */
  refusedOnly?: boolean | undefined
}

interface ExportRow extends EntryRow {
  address: string | null
  userAgent: string | null
  email: string | null
}

/** On SQLite the process does nothing else while a page is read. */
const PAGE = 500

const global = (type: string | null, id: string | null) => (type && id ? toGlobalId(type, id) : null)

const FIELDS: [string, (row: ExportRow) => string | number | boolean | null][] = [
  ['id', ({ id }) => toGlobalId('AuditEntry', id)],
  ['position', ({ position }) => position],
  ['occurredAt', ({ occurredAtMs }) => new Date(occurredAtMs).toISOString()],
  ['kind', ({ kind }) => kind],
  ['operation', ({ operation }) => operation],
  ['operationName', ({ operationName }) => operationName],
  ['userId', ({ userId }) => global('User', userId)],
  ['sessionId', ({ sessionId }) => global('Session', sessionId)],
  ['apiKeyId', ({ apiKeyId }) => global('ApiKey', apiKeyId)],
  ['subjectId', ({ subjectType, subjectId }) => global(subjectType, subjectId)],
  ['succeeded', ({ code }) => code === null],
  ['code', ({ code }) => code],
  ['durationMs', ({ durationMs }) => durationMs],
  ['requestId', ({ requestId }) => requestId],
  ['count', ({ count }) => count],
  ['address', ({ address }) => address],
  ['userAgent', ({ userAgent }) => userAgent],
  ['email', ({ email }) => email],
]

/** Pieces of text, a page of entries each; CSV begins with its head. */
export async function* auditExport(
  database: Database,
  actor: Actor,
  { format, after, through, fromMs, beforeMs, refusedOnly }: Exporting,
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(FIELDS.map(([name]) => name))
  const conditions = [entriesSeenBySql(actor), Prisma.sql`"position" <= ${BigInt(through)}`]
  if (fromMs !== undefined) conditions.push(Prisma.sql`"occurredAtMs" >= ${BigInt(fromMs)}`)
  if (beforeMs !== undefined) conditions.push(Prisma.sql`"occurredAtMs" < ${BigInt(beforeMs)}`)
  if (refusedOnly) conditions.push(Prisma.sql`"code" IS NOT NULL`)
  const where = Prisma.join(conditions, ' AND ')
  for (let last = after; ; ) {
    const rows = await database.rows<ExportRow>(Prisma.sql`
      SELECT ${ENTRY_VALUES}, "AuditOrigin"."address", "AuditOrigin"."userAgent", "AuditOrigin"."email"
      FROM "AuditEntry" LEFT JOIN "AuditOrigin" ON "AuditOrigin"."digest" = "AuditEntry"."originDigest"
      WHERE "position" > ${BigInt(last)} AND ${where} ORDER BY "position" LIMIT ${Prisma.raw(String(PAGE))}`)
    if (rows.length) yield rows.map((row) => (format === 'csv' ? csvLine(FIELDS.map(([, of]) => of(row))) : jsonLine(row))).join('')
    if (rows.length < PAGE) return
    last = rows.at(-1)!.position
  }
}

const jsonLine = (row: ExportRow): string => `${JSON.stringify(Object.fromEntries(FIELDS.map(([name, of]) => [name, of(row)])))}\n`

const csvLine = (cells: readonly (string | number | boolean | null)[]): string => `${cells.map(csvCell).join(',')}\r\n`

/** What a spreadsheet would take for a formula is kept from it by an apostrophe, as OWASP has it. */
function csvCell(value: string | number | boolean | null): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value
  return `"${text.replaceAll('"', '""')}"`
}
