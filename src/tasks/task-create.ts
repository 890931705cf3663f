import { ownedBy, requireKnown } from '../core/actor.ts'
import { BadUserInput, IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { registerConstraint } from '../db/constraints.ts'
import type { Work } from '../events/work.ts'
import { streamOpen } from '../streams/stream-open.ts'
import { TASK_VALUES, type TaskValues, toTaskValues } from './task.ts'
import { UnknownTaskType } from './task-errors.ts'
import { taskChanged } from './task-move.ts'
import type { TaskTypes } from './task-type.ts'

registerConstraint({ model: 'Task', fields: ['id'] }, () => new IdTaken('Task'))

export interface TaskCreation {
  id?: string | undefined
  type: string
  params?: unknown
  description?: string | undefined
  domain?: string | undefined
  driftScore?: number | undefined
  priority?: number | undefined
  runAt?: Date | undefined
  maxAttempts?: number | undefined
  timeoutSeconds?: number | undefined
  sessionKey?: string | undefined
  idempotencyKey?: string | undefined
  runImmediately?: boolean | undefined
  /** About the stream that a type which streams opens with its task; `taskId` left out: it belongs to the task itself. */
  stream?: { id?: string | undefined; taskId?: string | undefined; model?: string | undefined; idempotencyKey?: string | undefined } | undefined
}

/**
 * Writes a task down; QUEUED unless it shall not run yet. Its params are checked by its type. Where the type streams, the
 * stream is there with the task, PENDING, so that it can be followed from the beginning.
 */
export async function taskCreate(work: Work, types: TaskTypes, creation: TaskCreation): Promise<TaskValues> {
  const { userId } = requireKnown(work.actor)
  const params = checkedParams(types, creation.type, creation.params ?? {})
  const now = work.sql.nowMs
  const queued = creation.runImmediately !== false
  const rows = await work.db.$queryRaw<Record<string, unknown>[]>`
    INSERT INTO "Task" ("id", "ownerId", "type", "status", "description", "params", "domain", "driftScore", "priority", "attempt", "maxAttempts", "timeoutSeconds", "agentsInvolved", "sessionKey", "idempotencyKey", "runAtMs", "createdAtMs", "updatedAtMs", "queuedAtMs")
    SELECT CAST(${creation.id ?? newId()} AS TEXT), CAST(${userId} AS TEXT), CAST(${creation.type} AS TEXT), ${work.sql.asEnum('TaskStatus', queued ? 'QUEUED' : 'CREATED')}, CAST(${creation.description ?? null} AS TEXT), ${work.sql.json(params)},
      CAST(${creation.domain ?? null} AS TEXT), CAST(${creation.driftScore ?? null} AS DOUBLE PRECISION), CAST(${creation.priority ?? 0} AS INTEGER), 0, CAST(${creation.maxAttempts ?? 3} AS INTEGER), CAST(${creation.timeoutSeconds ?? null} AS INTEGER), ${work.sql.json([])},
      CAST(${creation.sessionKey ?? null} AS TEXT), CAST(${creation.idempotencyKey ?? null} AS TEXT), COALESCE(CAST(${creation.runAt ? BigInt(creation.runAt.getTime()) : null} AS BIGINT), "now"), "now", "now", CASE WHEN CAST(${queued ? 1 : 0} AS INTEGER) = 1 THEN "now" END
    FROM (SELECT ${now} AS "now") AS "clock"
    RETURNING ${TASK_VALUES}`
  const after = toTaskValues(rows[0]!)
  taskChanged(work, 'CREATED', { before: null, after })
  if (types.get(after.type)?.streams) {
    await streamOpen(work, { taskId: after.id, ...creation.stream, producer: { taskId: after.id, attempt: null, ownerId: userId } })
  }
  return after
}

/** The params as the type reads them; what does not fit is told with its place. */
export function checkedParams(types: TaskTypes, typeName: string, params: unknown): unknown {
  const type = types.get(typeName)
  if (!type) throw new UnknownTaskType(typeName, types.names)
  const parsed = type.params.safeParse(params)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new BadUserInput(`${issue.message.replace(/\.$/, '')}.`, ['input', 'params', ...issue.path.map(String)])
}

/** A task the actor may touch, or null. */
export const taskOwned = (work: Work, id: string) =>
  work.db.task.findUnique({ where: { id, ...ownedBy(work.actor) }, select: { id: true, status: true, type: true, ownerId: true } })
