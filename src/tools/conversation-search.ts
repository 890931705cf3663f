import { z } from 'zod'
import { defineTool, type Tool } from './tool.ts'

/** Finds what somebody said or was told before; answers what JSON can hold. */
export type MessagesSearch = (search: { ownerId: string; query: string; limit: number; signal: AbortSignal }) => Promise<unknown>

export const conversationSearch = (messagesSearch: MessagesSearch): Tool =>
  defineTool({
    name: 'conversation.search',
    description:
      'Searches what this user has said and was answered in earlier conversations, and answers the messages that hold all of the words, newest first.',
    input: z.strictObject({
      query: z.string().min(1).max(500).describe('Words to look for.'),
      limit: z.int().min(1).max(20).default(5).describe('How many messages at most.'),
    }),
    run: ({ query, limit }, { ownerId, signal }) => messagesSearch({ ownerId, query, limit, signal }),
  })
