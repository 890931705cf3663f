/** What holds of the trail. Whether what stands in it is what was written, `auditVerify` tells. */
import { foundBy, NEWEST, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'

const LATE_MS = 5 * 60_000

registerInvariant({
  name: 'AUDIT_HOLE',
  description: 'Positions in the trail follow each other without a hole; looked at are the newest 10,000, for a hole can only be where it grows.',
  find: foundBy(
    'AuditEntry',
    () => Prisma.sql`SELECT "id" AS "subjectId", "position" FROM (SELECT "id", "position" FROM "AuditEntry" ORDER BY "position" DESC LIMIT ${Prisma.raw(String(NEWEST))}) AS "newest"
      WHERE "position" > (SELECT MIN("position") FROM "AuditEntry") AND 0 = (SELECT COUNT(*) FROM "AuditEntry" AS "former" WHERE "former"."position" = "newest"."position" - 1)`,
  ),
})

registerInvariant({
  name: 'AUDIT_HEAD_WRONG',
  description: 'The head of the log says where the trail ends.',
  find: foundBy(
    'LogHead',
    () => Prisma.sql`SELECT "id" AS "subjectId", "entryPosition", "last" AS "lastEntry" FROM (
        SELECT "id", "entryPosition", COALESCE((SELECT MAX("position") FROM "AuditEntry"), (SELECT "cutThrough" FROM "AuditChain" WHERE "AuditChain"."id" = 1), 0) AS "last" FROM "LogHead") AS "head"
      WHERE "entryPosition" <> "last"`,
  ),
})

registerInvariant({
  name: 'AUDIT_UNSEALED',
  description: 'What is written in the trail is sealed within minutes; looked at is the oldest entry that is not.',
  find: foundBy(
    'AuditEntry',
    ({ ago }) => Prisma.sql`SELECT "id" AS "subjectId", "position", "occurredAtMs" FROM "AuditEntry"
      WHERE "position" = (SELECT COALESCE((SELECT "sealedThrough" FROM "AuditChain" WHERE "AuditChain"."id" = 1), 0) + 1) AND "occurredAtMs" < ${ago(LATE_MS)}`,
  ),
})
