/** The pen of an attempt that runs away from the server: what it writes goes over the API. */

import { keptText } from '../core/kept-text.ts'
import type { ChunkKind } from '../streams/stream.ts'
import { StreamWriter } from '../streams/stream-writer.ts'
import type { Append } from '../streams/streams-append.ts'
import type { Api, UserFault } from './api.ts'
import { ApiRefused } from './api.ts'
import { APPEND } from './operations.ts'

/** The API takes no longer piece, and no larger call than fits its body. */
const PIECE = 50_000
const CALL_CHARACTERS = 150_000

export class ApiStreamWriter extends StreamWriter {
  override async write(kind: ChunkKind, content: string): Promise<void> {
    for (let at = 0; at < content.length || at === 0; at += PIECE) await super.write(kind, content.slice(at, at + PIECE))
  }
}

/** Appends to one stream. Sent again because its answer was lost, an append is refused; by what the last seq is then, it is known to be there. */
export class ApiAppender {
  constructor(
    readonly api: Api,
    readonly producerToken: string,
    readonly signal: AbortSignal,
  ) {}

  async append({ streamId, afterSeq, chunks }: Append): Promise<never> {
    let seq = afterSeq
    for (const part of parts(chunks.map(({ kind, content }) => ({ kind, content: keptText(content) })))) {
      const input = { id: `Stream:${streamId}`, producerToken: this.producerToken, afterSeq: seq, chunks: part }
      const { userErrors } = await this.api.ask<{ userErrors: UserFault[] }>(APPEND, { input }, { signal: this.signal })
      const fault = userErrors[0]
      if (fault && fault.lastSeq !== seq + part.length) throw new ApiRefused(fault.code, fault.message)
      seq += part.length
    }
    return undefined as never
  }
}

/** Groups that fit a call. JSON spells a character by six at most. */
function parts<T extends { content: string }>(chunks: readonly T[]): T[][] {
  const groups: T[][] = []
  let characters = CALL_CHARACTERS
  for (const chunk of chunks) {
    if (characters + chunk.content.length > CALL_CHARACTERS) {
      groups.push([])
      characters = 0
    }
    groups[groups.length - 1]!.push(chunk)
    characters += chunk.content.length
  }
  return groups
}
