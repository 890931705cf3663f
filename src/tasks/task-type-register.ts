import { isDeepStrictEqual } from 'node:util'
import { requireKnown } from '../core/actor.ts'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { RetryPolicyInput } from './retry-policy.ts'
import type { TaskTypes } from './task-type.ts'
import { TaskTypeBuiltIn, TaskTypeLimit } from './task-type-errors.ts'

export const MAX_TYPES_AN_OWNER = 500
/** Of all schemas of an owner, so that a list of them stays an answer. */
const MAX_SCHEMAS_BYTES = 2_000_000

export interface Registration {
  name: string
  description?: string | undefined
  /** `schemaFaults` must have found nothing in it. */
  paramsSchema?: unknown
  maxAttempts?: number | undefined
  timeoutSeconds?: number | undefined
  retryPolicy?: RetryPolicyInput | undefined
  rateLimit?: number | undefined
  rateSeconds?: number | undefined
}

/**
 * Makes a type known that programs elsewhere run, or says anew what it is: what is left out is taken away. The same again
 * changes nothing, so a worker may do it at every start. Answers the registration's id.
 */
export async function taskTypeRegister(work: Work, builtIn: TaskTypes, { name, ...about }: Registration): Promise<string> {
  const { userId } = requireKnown(work.actor)
  if (builtIn.get(name)) throw new TaskTypeBuiltIn(`The server runs ${name} itself; choose another name.`, ['input', 'name'])
  const values = Object.fromEntries(FIELDS.map((field) => [field, plain(about[field])])) as Record<(typeof FIELDS)[number], unknown>
  const [known] = await work.rows<Record<string, unknown> & { id: string }>(
    Prisma.sql`SELECT "id", ${COLUMNS} FROM "OutsideTaskType" WHERE "ownerId" = ${userId} AND "name" = ${name}`,
  )
  if (known && FIELDS.every((field) => isDeepStrictEqual(plain(known[field]), values[field]))) return known.id

  const json = (value: unknown) => work.sql.asJson(Prisma.sql`CAST(${value === null ? null : JSON.stringify(value)} AS TEXT)`)
  const whole = (value: unknown) => Prisma.sql`CAST(${value} AS INTEGER)`
  const bytes = JSON.stringify(values.paramsSchema).length
  const [row] = await work.rows<{ id: string }>(Prisma.sql`
    INSERT INTO "OutsideTaskType" ("id", "ownerId", "name", "createdAtMs", "updatedAtMs", ${COLUMNS})
    SELECT CAST(${newId()} AS TEXT), CAST(${userId} AS TEXT), CAST(${name} AS TEXT), "now", "now", CAST(${values.description} AS TEXT), ${json(values.paramsSchema)}, ${json(values.retryPolicy)},
      ${whole(values.maxAttempts)}, ${whole(values.timeoutSeconds)}, ${whole(values.rateLimit)}, ${whole(values.rateSeconds)}
    FROM (SELECT ${work.sql.nowMs} AS "now") AS "clock"
    WHERE (SELECT COUNT(*) FROM "OutsideTaskType" AS "other" WHERE "other"."ownerId" = ${userId} AND "other"."name" <> ${name}) < CAST(${MAX_TYPES_AN_OWNER} AS INTEGER)
      AND (SELECT COALESCE(SUM(LENGTH(CAST("paramsSchema" AS TEXT))), 0) FROM "OutsideTaskType" AS "other" WHERE "other"."ownerId" = ${userId} AND "other"."name" <> ${name}) <= CAST(${MAX_SCHEMAS_BYTES - bytes} AS INTEGER)
    ON CONFLICT ("ownerId", "name") DO UPDATE SET ${SET_ALL},
      "updatedAtMs" = CASE WHEN excluded."updatedAtMs" > "OutsideTaskType"."updatedAtMs" THEN excluded."updatedAtMs" ELSE "OutsideTaskType"."updatedAtMs" + 1 END
    RETURNING "id"`)
  if (!row) throw new TaskTypeLimit(`${MAX_TYPES_AN_OWNER} task types, and schemas of ${MAX_SCHEMAS_BYTES / 1_000_000} MB together`)
  const { paramsSchema, ...told } = values
  work.events.push({
    kind: 'TASK_TYPE_REGISTERED',
    subjectType: 'TaskType',
    subjectId: row.id,
    ownerId: userId,
    data: { name, ...told, hasParamsSchema: paramsSchema !== null },
  })
  return row.id
}

const FIELDS = ['description', 'paramsSchema', 'retryPolicy', 'maxAttempts', 'timeoutSeconds', 'rateLimit', 'rateSeconds'] as const
const COLUMNS = Prisma.raw(FIELDS.map((field) => `"${field}"`).join(', '))
const SET_ALL = Prisma.raw(FIELDS.map((field) => `"${field}" = excluded."${field}"`).join(', '))

/** As it comes back from the database; null where there is nothing. */
const plain = (value: unknown): unknown => (value === undefined ? null : JSON.parse(JSON.stringify(value)))
