import { conversationSearch, type MessagesSearch } from './conversation-search.ts'
import { httpGet } from './http-get.ts'
import { taskCreateTool } from './task-create-tool.ts'
import { Tools } from './tool.ts'

export interface ToolOptions {
  /** Hosts that may be called. */
  allowedHosts: readonly string[]
  /** Left out: there is nothing to search. */
  messagesSearch?: MessagesSearch
}

/** The tools that come along. */
export function createTools({ allowedHosts, messagesSearch }: ToolOptions): Tools {
  const tools = new Tools().register(httpGet(allowedHosts)).register(taskCreateTool)
  if (messagesSearch) tools.register(conversationSearch(messagesSearch))
  return tools
}
