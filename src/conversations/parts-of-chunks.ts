/** What came of an answer that was cut, out of the chunks of its stream. */
import type { ChunkKind } from '../streams/stream.ts'
import type { MessagePart } from './message.ts'

interface Piece {
  kind: ChunkKind
  content: string
}

/** TEXT and REASONING that come one after the other are one part; the others are JSON, each a part of its own. */
export function partsOfChunks(pieces: readonly Piece[]): MessagePart[] {
  const parts: MessagePart[] = []
  for (const { kind, content } of pieces) {
    const last = parts.at(-1)
    if (kind === 'TEXT' || kind === 'REASONING') {
      if (last?.type === kind) last.text += content
      else parts.push({ type: kind, text: content })
    } else parts.push(partOf(kind, content))
  }
  return parts
}

function partOf(kind: 'TOOL_CALL' | 'TOOL_RESULT' | 'DATA', content: string): MessagePart {
  let data: unknown
  try {
    data = JSON.parse(content)
  } catch {
    data = content
  }
  const { callId, name, input, output, isError } = (data ?? {}) as Record<string, unknown>
  if (kind === 'DATA' || typeof callId !== 'string' || typeof name !== 'string') return { type: 'DATA', data }
  return kind === 'TOOL_CALL'
    ? { type: kind, callId, name, input: input ?? null }
    : { type: kind, callId, name, output: output ?? null, isError: isError === true }
}
