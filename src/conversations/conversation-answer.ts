/** The task type that writes an answer of a conversation. */

import { z } from 'zod'
import { type AnswerContext, answerContext } from '../context/answer-context.ts'
import type { Piece } from '../context/context-piece.ts'
import { server } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import type { Database } from '../db/database.ts'
import { fromJson } from '../db/statement-values.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Answer, type AnswerHost, type Aside, answer } from '../generation/answer.ts'
import type { ChatMessage } from '../providers/provider.ts'
import type { MeaningHost } from '../search/meaning-search.ts'
import type { TaskRun, TaskType } from '../tasks/task-type.ts'
import { countTokens } from '../usage/tokens.ts'
import type { Embedders } from '../vectors/embedders.ts'
import { answerBegin, answerComplete, answerHistory } from './answer-write.ts'
import { ANSWER_TYPE } from './answers-settle.ts'
import type { ConversationSettings } from './conversation.ts'
import { asChats, type Count, fitted, type HistoryTold, roomFor, type Summary, tokensOf, wayBack } from './history.ts'
import { type Given, summaryMessage, summedUp } from './history-summary.ts'
import { memoryOf } from './memory.ts'
import { readByModel } from './message.ts'

export const conversationAnswerParams = z.strictObject({
  messageId: z.string().max(200).describe('The answer that it writes, as `Message:…`.'),
  model: z.string().min(1).max(200).optional().describe('As `provider/model`; left out: the default of this server.'),
  temperature: z.number().min(0).max(2).optional().describe('From 0 (steady) to 2 (wild).'),
  maxOutputTokens: z.int().min(1).max(100_000).optional().describe('The answer ends after so many tokens.'),
  tools: z.array(z.string().min(1).max(100)).max(50).optional().describe('Names of tools that it may call.'),
  fallbackModels: z.array(z.string().min(1).max(200)).max(5).optional().describe('Models to ask, in this order, where the first cannot answer.'),
})

export type ConversationAnswerParams = z.infer<typeof conversationAnswerParams>

export interface ConversationAnswerHost extends AnswerHost {
  /** Null in a worker that has no database: such a worker runs none of these. */
  store: Store | null
  embedders: Embedders
}

/** Lets a model answer the last message of a conversation, with as much of what was said before as it can read. */
export const conversationAnswer = (host: ConversationAnswerHost): TaskType<ConversationAnswerParams> => ({
  name: ANSWER_TYPE,
  description: 'Writes an answer in a conversation; made by `messageSend`, `messageEdit` and `messageRegenerate`. The words arrive in the task’s stream.',
  params: conversationAnswerParams,
  streams: true,
  needsDatabase: true,
  async run(task) {
    const store = host.store!
    const about = await aboutAnswer(store, task)
    const along = await goesAlong({ ...host, store }, about, task.params)
    const told: Told = { history: 'history' in along ? along.history : null, contextUsed: along.contextUsed, streamId: null }
    let done: Answer | null = null
    task.atEnd(async (work, { kind }) => {
      if (kind === 'COMPLETED' && done) await answerComplete(work, about.messageId, task.id, done)
    })
    const { messageId: _id, model = null, ...how } = task.params
    done = await answer(
      tellingStart(store, task, about.messageId, told),
      {
        messages: 'messages' in along ? along.messages : (aside) => summingUp(store, about.messageId, told, along.sumUp(aside)),
        model,
        ...how,
        conversationId: about.conversationId,
        messageId: about.messageId,
      },
      host,
    )
    const { text, finishReason, provider, model: answered, inputTokens, outputTokens } = done
    return {
      result: { text, finishReason, provider, model: answered, usage: { inputTokens, outputTokens }, history: countsOf(told.history!) },
      ...(about.agent && { agentsInvolved: [about.agent] }),
    }
  },
})

/** What the message tells of its history, and in which stream it is written: both come about in either order. */
interface Told {
  history: HistoryTold | null
  contextUsed: readonly Piece[] | null
  streamId: string | null
}

/** The same run; when it opens a stream, the message says so. */
const tellingStart = (store: Store, task: TaskRun, messageId: string, told: Told): TaskRun =>
  Object.create(task, {
    openStream: {
      value: async (about: { model?: string; provider?: string }) => {
        const stream = await task.openStream(about)
        told.streamId = stream.streamId
        await transact(store, server, (work) =>
          answerBegin(work, {
            messageId,
            taskId: task.id,
            attempt: task.attempt,
            streamId: stream.streamId,
            ...about,
            history: told.history,
            contextUsed: told.contextUsed,
          }),
        )
        return stream
      },
    },
  }) as TaskRun

/** The summary is kept before the answer begins: an attempt that is lost then has not paid for it in vain. */
async function summingUp(store: Store, messageId: string, told: Told, made: Promise<Along>): Promise<ChatMessage[]> {
  const { messages, history } = await made
  const { streamId } = told
  told.history = history
  if (streamId !== null) await transact(store, server, (work) => answerHistory(work, { messageId, streamId }, history))
  return messages
}

/** For the task's result: the summary itself is the message's. */
const countsOf = ({ summary, ...counts }: HistoryTold) => ({ ...counts, summarised: summary?.messages ?? 0 })

interface About {
  messageId: string
  parentId: string | null
  conversationId: string
  ownerId: string
  agent: string | null
  sessionKey: string | null
  system: string | null
  settings: ConversationSettings
}

/** A task that anybody made by hand writes nothing: the message names the task that writes it. */
async function aboutAnswer({ database }: Store, task: TaskRun<ConversationAnswerParams>): Promise<About> {
  const messageId = idOf('Message', task.params.messageId) ?? ''
  const [row] = await database.rows<Omit<About, 'settings'> & { settings: unknown; said: string | null }>(Prisma.sql`
    SELECT "m"."id" AS "messageId", "m"."parentId", "m"."agent", "m"."ownerId", "c"."id" AS "conversationId", "c"."sessionKey", "c"."system", "c"."settings"
    FROM "Message" AS "m" JOIN "Conversation" AS "c" ON "c"."id" = COALESCE("m"."conversationId", (SELECT "f"."id" FROM "Conversation" AS "f" WHERE "f"."headId" = "m"."id" LIMIT 1))
    WHERE "m"."id" = ${messageId} AND "m"."taskId" = ${task.id} AND "m"."ownerId" = ${task.ownerId}`)
  if (!row) throw new NotFound('The answer to be written by this task was')
  return { ...row, settings: fromJson(row.settings) }
}

interface Along {
  messages: ChatMessage[]
  history: HistoryTold
}

/** What the model is given, or how to make it where something must be summed up first. */
async function goesAlong(
  host: MeaningHost & Pick<ConversationAnswerHost, 'providers'>,
  about: About,
  params: ConversationAnswerParams,
): Promise<(Along | { sumUp(aside: Aside): Promise<Along> }) & Pick<Told, 'contextUsed'>> {
  const { providers, store } = host
  const { database } = store
  const count = countingOnce()
  const before: ChatMessage[] = about.system ? [{ role: 'system', content: about.system }] : []
  const { contextLength, maxOutputTokens } = await providers.describe(params.model ?? null)
  let room = roomFor(contextLength, params.maxOutputTokens)
  if (about.system) room -= await tokensOf({ content: about.system }, count)
  const memory = about.settings.memory && about.parentId ? await memoryOf(database, { ...about, headId: about.parentId }, room, count) : null
  if (memory) {
    before.push(memory.message)
    room -= memory.tokens
  }
  const context = await contextOf(host, about, room, count)
  const contextUsed = context?.pieces ?? null
  room -= context?.tokens ?? 0
  const along = async ({ summary, fitted: { messages, tokens }, dropped, summaryError }: Given): Promise<Along> => {
    const summed = summary && summaryMessage(summary)
    const left = room - tokens - (summed ? await tokensOf(summed, count) : 0)
    const chats = await asChats(messages, params.tools?.length ? left : 0, count)
    return {
      messages: [
        ...before,
        ...(summed ? [summed] : []),
        ...chats.slice(0, -1).flat(),
        ...(context?.message ? [context.message] : []),
        ...chats.slice(-1).flat(),
      ],
      history: { sent: chats.length, dropped, remembered: memory?.messages ?? 0, ...(summary && { summary }), ...(summaryError && { summaryError }) },
    }
  }
  const newestFirst = wayBack(database, about.parentId)
  if (about.settings.history !== 'SUMMARISE') {
    const newest = await fitted(newestFirst, room, count)
    return { ...(await along({ summary: null, fitted: newest, dropped: newest.dropped })), contextUsed }
  }
  const known = about.parentId && (await summaryBeside(database, about.parentId))
  const given = await summedUp(newestFirst, { contextLength, maxOutputTokens, room, known: known || null, count })
  return typeof given === 'function' ? { sumUp: async (aside) => along(await given(aside)), contextUsed } : { ...(await along(given)), contextUsed }
}

/** What has to do with the message that is answered, of what the conversation's owner has stored; null where it does not ask for it. */
async function contextOf(host: MeaningHost, { settings, parentId, ownerId }: About, room: number, count: Count): Promise<AnswerContext | null> {
  if (!settings.context || !parentId) return null
  const [asked] = await host.store.database.rows<{ text: string; parts: unknown }>(Prisma.sql`SELECT "text", "parts" FROM "Message" WHERE "id" = ${parentId}`)
  const query = asked ? readByModel(asked.text, fromJson(asked.parts)) : ''
  return answerContext(host, { ownerId, query, rule: settings.context }, room, count)
}

/** The summary that another answer to the same message was given, or this one in an attempt before: it is of the same way. */
async function summaryBeside(database: Database, parentId: string): Promise<Summary | null> {
  const rows = await database.rows<{ history: unknown }>(
    Prisma.sql`SELECT "history" FROM "Message" WHERE "parentId" = ${parentId} AND "history" IS NOT NULL ORDER BY "id" DESC LIMIT 10`,
  )
  for (const { history } of rows) {
    const { summary } = fromJson<HistoryTold>(history)
    if (summary) return summary
  }
  return null
}

/** The same texts are counted again and again. */
function countingOnce(): Count {
  const counted = new Map<string, number>()
  return async (text) => {
    const tokens = counted.get(text) ?? (await countTokens(text))
    counted.set(text, tokens)
    return tokens
  }
}
