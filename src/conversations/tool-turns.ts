import type { ChatMessage, ToolCallMade } from '../providers/provider.ts'
import type { MessagePart } from './message.ts'

type Result = Extract<MessagePart, { type: 'TOOL_RESULT' }>

/**
 * An answer that called tools, as the calls of the model that it took: what was said, called and answered, in that order. A call that nobody
 * answered is left out, as a cut leaves it; null where no call was answered.
 */
export function toolTurns(parts: readonly MessagePart[]): ChatMessage[] | null {
  const results = new Map(parts.flatMap((part) => (part.type === 'TOOL_RESULT' ? [[part.callId, part]] : [])) as [string, Result][])
  if (!results.size) return null
  const turns: ChatMessage[] = []
  let content = ''
  let calls: ToolCallMade[] = []
  const unanswered = new Set<string>()
  const next = () => {
    if (calls.length) turns.push({ role: 'assistant', content, toolCalls: calls })
    else if (content) turns.push({ role: 'assistant', content })
    for (const { callId } of calls) {
      const { name, output, isError } = results.get(callId)!
      turns.push({ role: 'tool', callId, name, output, ...(isError && { isError }) })
    }
    content = ''
    calls = []
  }
  for (const part of parts) {
    if (part.type === 'TEXT') {
      if (calls.length) next()
      content += part.text
    } else if (part.type === 'DATA') {
      if (calls.length) next()
      content += `${content && '\n\n'}${JSON.stringify(part.data)}`
    } else if (part.type === 'TOOL_CALL' && results.has(part.callId)) {
      // What is called after all was answered is called by the next call of the model.
      if (calls.length && !unanswered.size) next()
      const { callId, name, input } = part
      calls.push({ callId, name, input })
      unanswered.add(callId)
    } else if (part.type === 'TOOL_RESULT') unanswered.delete(part.callId)
  }
  const hasCalled = calls.length > 0 || turns.some(({ role }) => role === 'tool')
  next()
  return hasCalled ? turns : null
}
