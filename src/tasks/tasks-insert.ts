import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Lease, SERVER_LEASE_SECONDS, TASK_VALUES, type TaskValues, toTaskValues } from './task.ts'
import { taskChanged, taskTold } from './task-move.ts'
import type { Prepared } from './task-prepare.ts'

/** What is to be written, with what was found out about it. */
export interface Insert extends Prepared {
  waitingFor?: number
  /** Who caused it, where that is not the actor of the work. */
  actorId?: string
}

/** Tasks that a server starts in the same moment: they are written down as its own. */
export interface HandOver {
  worker: string
  leaseToken: string
  ids: ReadonlySet<string>
}

/** SQLite takes 32,766 values in a statement. */
const AT_ONCE = 500

/** Writes tasks down, many by one statement, each with its events. Answers them in their order. */
export async function tasksInsert(work: Work, inserts: readonly Insert[], handOver?: HandOver): Promise<TaskValues[]> {
  const made: TaskValues[] = []
  for (let done = 0; done < inserts.length; done += AT_ONCE) made.push(...(await insert(work, inserts.slice(done, done + AT_ONCE), handOver)))
  return made
}

async function insert(work: Work, inserts: readonly Insert[], handOver?: HandOver): Promise<TaskValues[]> {
  const { sql } = work
  const text = (value: (insert: Insert) => string | null | undefined) => ({ kind: 'text' as const, values: inserts.map((each) => value(each) ?? null) })
  const integer = (value: (insert: Insert) => number | null | undefined) => ({ kind: 'integer' as const, values: inserts.map((each) => value(each) ?? null) })
  const isHandedOver = ({ id }: Insert) => handOver?.ids.has(id) === true
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "Task" ("id", "ownerId", "type", "lane", "status", "description", "params", "domain", "driftScore", "priority", "attempt", "maxAttempts", "retryPolicy",
      "timeoutSeconds", "totalTimeoutSeconds", "agentsInvolved", "sessionKey", "traceparent", "idempotencyKey", "parentId", "scheduleId", "concurrencyKey", "concurrencyLimit", "onDependencyFailure",
      "waitingFor", "isAwaited", "runAtMs", "createdAtMs", "updatedAtMs", "queuedAtMs", "readyAtMs", "deadlineAtMs",
      "worker", "workerKind", "lastWorker", "leaseToken", "leaseSeconds", "leaseExpiresAtMs", "startedAtMs", "attemptEndsAtMs")
    SELECT "id", "ownerId", "type", "lane", ${sql.asEnum('TaskStatus', Prisma.sql`"status"`)}, "description", ${sql.asJson(Prisma.sql`"params"`)}, "domain", "driftScore", "priority",
      CASE WHEN ${IS_RUNNING} THEN 1 ELSE 0 END, "maxAttempts", ${sql.asJson(Prisma.sql`"retryPolicy"`)}, "timeoutSeconds", "totalTimeoutSeconds", ${sql.json([])},
      "sessionKey", "traceparent", "idempotencyKey", "parentId", "scheduleId", "concurrencyKey", "concurrencyLimit", ${sql.asEnum('DependencyFailure', Prisma.sql`"onDependencyFailure"`)},
      "waitingFor", FALSE, COALESCE("runAtMs", "now"), "now", "now", CASE WHEN ${IS_CREATED} THEN NULL ELSE "now" END,
      CASE WHEN "status" = 'QUEUED' AND "waitingFor" = 0 AND COALESCE("runAtMs", "now") <= "now" THEN "now" END,
      CASE WHEN ${IS_CREATED} THEN NULL ELSE (CASE WHEN "runAtMs" > "now" THEN "runAtMs" ELSE "now" END) + "totalTimeoutSeconds" * CAST(1000 AS BIGINT) END,
      CASE WHEN ${IS_RUNNING} THEN CAST(${handOver?.worker ?? null} AS TEXT) END, ${sql.asEnum('WorkerKind', Prisma.sql`CASE WHEN ${IS_RUNNING} THEN 'SERVER' END`)},
      CASE WHEN ${IS_RUNNING} THEN CAST(${handOver?.worker ?? null} AS TEXT) END, CASE WHEN ${IS_RUNNING} THEN CAST(${handOver?.leaseToken ?? null} AS TEXT) END,
      CASE WHEN ${IS_RUNNING} THEN ${LEASE_SECONDS} END, CASE WHEN ${IS_RUNNING} THEN "now" + ${LEASE_SECONDS} * 1000 END, CASE WHEN ${IS_RUNNING} THEN "now" END,
      CASE WHEN ${IS_RUNNING} THEN "now" + (CASE WHEN "timeoutSeconds" < COALESCE("totalTimeoutSeconds", "timeoutSeconds" + 1) THEN "timeoutSeconds" ELSE COALESCE("totalTimeoutSeconds", "timeoutSeconds") END) * CAST(1000 AS BIGINT) END
    FROM (SELECT ${sql.nowMs} AS "now") AS "clock",
      (SELECT *, CASE WHEN "wanted" = 'RUNNING' AND ${othersWait(work, inserts, handOver)} THEN 'QUEUED' ELSE "wanted" END AS "status" FROM ${sql.table(
        'given',
        {
          id: text(({ id }) => id),
          ownerId: text(({ ownerId }) => ownerId),
          type: text(({ type }) => type),
          lane: text(({ lane }) => lane),
          wanted: text((each) => (isHandedOver(each) ? 'RUNNING' : each.runImmediately === false ? 'CREATED' : 'QUEUED')),
          description: text(({ description }) => description),
          params: text(({ params }) => JSON.stringify(params)),
          domain: text(({ domain }) => domain),
          driftScore: { kind: 'float', values: inserts.map(({ driftScore }) => driftScore ?? null) },
          priority: integer(({ priority }) => priority ?? 0),
          maxAttempts: integer(({ maxAttempts }) => maxAttempts),
          retryPolicy: text(({ retryPolicy }) => retryPolicy && JSON.stringify(retryPolicy)),
          timeoutSeconds: integer(({ timeoutSeconds }) => timeoutSeconds),
          totalTimeoutSeconds: integer(({ totalTimeoutSeconds }) => totalTimeoutSeconds),
          sessionKey: text(({ sessionKey }) => sessionKey),
          traceparent: text(({ traceparent }) => traceparent),
          idempotencyKey: text(({ idempotencyKey }) => idempotencyKey),
          parentId: text(({ parentId }) => parentId),
          scheduleId: text(({ scheduleId }) => scheduleId),
          concurrencyKey: text(({ concurrencyKey }) => concurrencyKey),
          concurrencyLimit: integer(({ concurrencyKey, concurrencyLimit }) => (concurrencyKey === undefined ? null : (concurrencyLimit ?? 1))),
          onDependencyFailure: text(({ onDependencyFailure }) => onDependencyFailure ?? 'CANCEL'),
          waitingFor: integer(({ waitingFor }) => waitingFor ?? 0),
          runAtMs: { kind: 'bigint', values: inserts.map(({ runAt }) => runAt?.getTime() ?? null) },
        },
      )}) AS "made"
    RETURNING ${TASK_VALUES}`)
  const byId = new Map(rows.map((row) => [row.id, toTaskValues(row)]))
  return inserts.map(({ id, actorId }) => {
    const after = byId.get(id)!
    if (after.status !== 'RUNNING') taskChanged(work, 'CREATED', { before: null, after, actorId })
    else {
      const before: TaskValues = { ...after, status: 'QUEUED', attempt: 0, worker: null, lastWorker: null, startedAtMs: null, attemptEndsAtMs: null }
      taskTold(work, 'CREATED', { before: null, after: before, actorId })
      taskTold(work, 'STARTED', { before, after })
    }
    return after
  })
}

/** Whoever waits already comes first: then nothing is handed over. */
function othersWait(work: Work, inserts: readonly Insert[], handOver: HandOver | undefined): Prisma.Sql {
  const lanes = [...new Set(inserts.filter(({ id }) => handOver?.ids.has(id)).map(({ lane }) => lane))]
  const wait = lanes.map(
    (lane) =>
      Prisma.sql`EXISTS (SELECT 1 FROM "Task" WHERE "status" = 'QUEUED' AND "readyAtMs" IS NOT NULL AND ${work.sql.byBytes(Prisma.sql`"lane"`)} = ${lane})`,
  )
  return wait.length ? Prisma.sql`(SELECT ${Prisma.join(wait, ' OR ')})` : Prisma.sql`1 = 0`
}

const IS_RUNNING = Prisma.raw(`"status" = 'RUNNING'`)
const IS_CREATED = Prisma.raw(`"status" = 'CREATED'`)
const LEASE_SECONDS = Prisma.raw(String(SERVER_LEASE_SECONDS))

/** The lease of what was handed over. */
export const leaseOf = (handOver: HandOver, id: string): Lease => ({ id, leaseToken: handOver.leaseToken })
