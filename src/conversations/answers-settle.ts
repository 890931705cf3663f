/**
 * Answers that did not end well: what came of them is kept, out of the chunks that are durable, in the transaction that ends the task, whoever
 * ends it. While the task may have another attempt the answer is PENDING again, with what came of the last one.
 */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { streamBeginning } from '../streams/stream-beginning.ts'
import { whenStreamsEnd } from '../streams/stream-ended.ts'
import { taskIn } from '../tasks/task-move.ts'
import { whenTasksEnd } from '../tasks/when-tasks-end.ts'
import { headsAt, MESSAGE_VALUES, type MessagePart, type MessageStatus, type MessageValues, messageChanged, OPEN, textOfParts } from './message.ts'
import { partsOfChunks } from './parts-of-chunks.ts'

export const ANSWER_TYPE = 'conversation.answer'
/** More of a stream is not copied into its message; the stream itself has it all. */
const MAX_BYTES = 2_000_000

interface OpenAnswer {
  id: string
  streamId: string | null
}

/** Looked at is only what can have a further attempt: what ends well says so itself, and with the task all else ends. */
whenStreamsEnd('conversations', async (work, ended) => {
  const cut = ended.filter(({ status, producerTaskId }) => producerTaskId !== null && (status === 'FAILED' || status === 'INTERRUPTED'))
  if (!cut.length) return
  const answers = await work.rows<OpenAnswer>(Prisma.sql`
    SELECT "Message"."id", "Message"."streamId" FROM "Message" JOIN "Task" ON "Task"."id" = "Message"."taskId"
    WHERE ${taskIn(
      work,
      cut.map((stream) => stream.producerTaskId!),
      '"Message"."taskId"',
    )} AND "Message"."status" IN ('PENDING', 'STREAMING') AND "Task"."completedAtMs" IS NULL`)
  const errors = new Map(cut.map(({ id, error }) => [id, error]))
  for (const answer of answers) await settle(work, answer, 'PENDING', errors.get(answer.streamId ?? '') ?? null)
})

whenTasksEnd('conversations', async (work, ended) => {
  const tasks = ended.filter(({ type, status }) => type === ANSWER_TYPE && status !== 'COMPLETED')
  if (!tasks.length) return
  const answers = await work.rows<OpenAnswer & { taskId: string; streamStatus: string | null; streamError: string | null }>(Prisma.sql`
    SELECT "Message"."id", "Message"."streamId", "Message"."taskId", "Stream"."status" AS "streamStatus", "Stream"."error" AS "streamError"
    FROM "Message" LEFT JOIN "Stream" ON "Stream"."id" = "Message"."streamId"
    WHERE ${taskIn(
      work,
      tasks.map(({ id }) => id),
      '"Message"."taskId"',
    )} AND "Message"."status" IN ('PENDING', 'STREAMING') ORDER BY "Message"."id"`)
  const byId = new Map(tasks.map((task) => [task.id, task]))
  for (const { taskId, streamStatus, streamError, ...answer } of answers) {
    const task = byId.get(taskId)!
    const status = task.status === 'CANCELLED' ? 'CANCELLED' : streamStatus === 'INTERRUPTED' ? 'INTERRUPTED' : 'FAILED'
    await settle(work, answer, status, status === 'CANCELLED' ? null : (task.error ?? streamError))
  }
})

/** One answer, by one statement, with what its stream holds. */
async function settle(
  work: Work,
  { id, streamId }: OpenAnswer,
  status: Exclude<MessageStatus, 'STREAMING' | 'COMPLETED'>,
  error: string | null,
): Promise<void> {
  const parts: MessagePart[] = streamId === null ? [] : partsOfChunks(await streamBeginning(work, streamId, MAX_BYTES))
  const [message] = await work.rows<MessageValues>(Prisma.sql`
    UPDATE "Message" SET "status" = ${work.sql.asEnum('MessageStatus', status)}, "parts" = ${work.sql.json(parts)}, "text" = ${textOfParts(parts)}, "error" = CAST(${error} AS TEXT),
      "toolsInvoked" = ${work.sql.json([...new Set(parts.flatMap((part) => (part.type === 'TOOL_CALL' ? [part.name] : [])))])}
      ${status === 'PENDING' ? Prisma.empty : Prisma.sql`, "completedAtMs" = ${work.sql.nowMs}, "responseTimeMs" = CAST(${work.sql.nowMs} - "createdAtMs" AS INTEGER)`}
    WHERE "id" = ${id} AND ${OPEN} RETURNING ${MESSAGE_VALUES}`)
  if (message) messageChanged(work, status === 'PENDING' ? 'RETRIED' : status, message, (await headsAt(work, [id])).get(id))
}
