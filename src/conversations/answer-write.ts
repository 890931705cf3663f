/** What the attempt that writes an answer tells of it. Streams are held before messages, as where they end. */

import type { Piece } from '../context/context-piece.ts'
import { keptJson, keptText } from '../core/kept-text.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Answer } from '../generation/answer.ts'
import { streamHold } from '../streams/stream-hold.ts'
import type { HistoryTold } from './history.ts'
import { headsAt, MESSAGE_VALUES, type MessageValues, messageChanged, OPEN } from './message.ts'

/**
 * An attempt begins to write an answer in a stream of its own. Nothing where the stream does not take anything from it any more: then
 * the task was taken away, and somebody else says how the answer stands. Without `history` it keeps that of the attempt before.
 */
export async function answerBegin(
  work: Work,
  {
    messageId,
    taskId,
    attempt,
    streamId,
    provider,
    model,
    history,
    contextUsed,
  }: {
    messageId: string
    taskId: string
    attempt: number
    streamId: string
    provider?: string | undefined
    model?: string | undefined
    history: HistoryTold | null
    /** The pieces that the model is given; null where the conversation asks for none. */
    contextUsed: readonly Piece[] | null
  },
): Promise<void> {
  if (!(await streamHold(work, streamId, attempt))) return
  const [message] = await work.rows<MessageValues>(Prisma.sql`
    UPDATE "Message" SET "status" = ${work.sql.asEnum('MessageStatus', 'STREAMING')}, "streamId" = ${streamId}, "provider" = COALESCE(CAST(${provider ?? null} AS TEXT), "provider"),
      "model" = COALESCE(CAST(${model ?? null} AS TEXT), "model"), "parts" = ${work.sql.json([])}, "text" = '', "error" = NULL, "completedAtMs" = NULL
      ${history ? Prisma.sql`, "history" = ${work.sql.json(keptJson(history))}` : Prisma.empty},
      "contextUsed" = ${contextUsed ? work.sql.json(keptJson(contextUsed)) : Prisma.sql`NULL`}
    WHERE "id" = ${messageId} AND "taskId" = ${taskId} RETURNING ${MESSAGE_VALUES}`)
  if (message) messageChanged(work, 'STARTED', message, (await headsAt(work, [messageId])).get(messageId))
}

/** What went along is known only after the answer's stream was opened: there was something to sum up. */
export async function answerHistory(work: Work, { messageId, streamId }: { messageId: string; streamId: string }, history: HistoryTold): Promise<void> {
  await work.execute(Prisma.sql`
    UPDATE "Message" SET "history" = ${work.sql.json(keptJson(history))} WHERE "id" = ${messageId} AND "streamId" = ${streamId} AND "status" = ${work.sql.asEnum('MessageStatus', 'STREAMING')}`)
}

/** The answer is whole; with the end of its stream. */
export async function answerComplete(work: Work, messageId: string, taskId: string, answer: Answer): Promise<void> {
  const [message] = await work.rows<MessageValues>(Prisma.sql`
    UPDATE "Message" SET "status" = ${work.sql.asEnum('MessageStatus', 'COMPLETED')}, "parts" = ${work.sql.json(keptJson(answer.parts))}, "text" = ${keptText(answer.text)},
      "streamId" = ${answer.streamId}, "provider" = ${answer.provider}, "model" = ${answer.model}, "finishReason" = ${keptText(answer.finishReason, 200)},
      "inputTokens" = CAST(${answer.inputTokens} AS INTEGER), "outputTokens" = CAST(${answer.outputTokens} AS INTEGER), "toolsInvoked" = ${work.sql.json(keptJson(answer.toolsInvoked))},
      "error" = NULL, "completedAtMs" = ${work.sql.nowMs}, "responseTimeMs" = CAST(${work.sql.nowMs} - "createdAtMs" AS INTEGER)
    WHERE "id" = ${messageId} AND "taskId" = ${taskId} AND ${OPEN} RETURNING ${MESSAGE_VALUES}`)
  if (message) messageChanged(work, 'COMPLETED', message, (await headsAt(work, [messageId])).get(messageId))
}
