import { newId } from '../core/ids.ts'
import { keptText } from '../core/kept-text.ts'
import type { GenerationPart } from '../providers/provider.ts'
import { streamDescribe } from '../streams/stream-describe.ts'
import type { StreamWriter } from '../streams/stream-writer.ts'
import { taskTold } from '../tasks/task-move.ts'
import type { TaskRun } from '../tasks/task-type.ts'

/** What an answer is made of, in order. */
export type AnswerPart =
  | { type: 'TEXT' | 'REASONING'; text: string }
  | { type: 'TOOL_CALL'; callId: string; name: string; input: unknown }
  | { type: 'TOOL_RESULT'; callId: string; name: string; output: unknown; isError: boolean }

interface Author {
  provider: string
  model: string
}

/** Writes an answer into its stream, piece by piece, and keeps it whole. */
export class AnswerPen {
  readonly parts: AnswerPart[] = []
  readonly toolsInvoked: string[] = []
  /** All that was said, over all calls. */
  text = ''
  /** What was said in the last call. */
  lastText = ''
  hasWritten = false
  #writer: StreamWriter | null = null
  #author: Author | null = null

  constructor(readonly task: TaskRun) {}

  get streamId(): string {
    return this.#writer!.streamId
  }

  /** Another model goes on, or the first one begins: the stream says who writes it. */
  async take(author: Author): Promise<void> {
    if (!this.#writer) this.#writer = await this.task.openStream(author)
    else if (author.provider !== this.#author?.provider || author.model !== this.#author.model) {
      const { streamId: id } = this.#writer
      await this.task.transact((work) => streamDescribe(work, { id, attempt: this.task.attempt }, author))
    }
    this.#author = author
  }

  get author(): Author {
    return this.#author!
  }

  /** The model is called anew. */
  nextCall(): void {
    this.lastText = ''
  }

  async write(part: GenerationPart): Promise<void> {
    // What it writes to call a tool is told as a whole.
    if (part.kind === 'TOOL_INPUT') return
    this.hasWritten = true
    this.#keep(part)
    await this.#writer!.write(part.kind, part.content)
    if (part.kind !== 'TOOL_RESULT') return
    const { callId, name, isError, durationMs } = part.result
    await this.task.transact(async (work, task) => {
      taskTold(work, 'TOOL_CALLED', { before: null, after: task }, { tool: { name, callId, durationMs, isError } })
      if (!work.trail.isOn) return
      const { ownerId: userId, id: subjectId } = this.task
      const code = isError ? 'TOOL_FAILED' : null
      work.entries.push({
        id: newId(),
        kind: 'TOOL_CALL',
        operation: keptText(name, 200),
        userId,
        subjectType: 'Task',
        subjectId,
        code,
        durationMs: Math.round(durationMs),
      })
    })
  }

  #keep(part: Exclude<GenerationPart, { kind: 'TOOL_INPUT' }>): void {
    if (part.kind === 'TOOL_CALL') {
      this.parts.push({ type: 'TOOL_CALL', ...part.call })
      if (!this.toolsInvoked.includes(part.call.name)) this.toolsInvoked.push(part.call.name)
    } else if (part.kind === 'TOOL_RESULT') {
      const { callId, name, output, isError } = part.result
      this.parts.push({ type: 'TOOL_RESULT', callId, name, output, isError })
    } else {
      const { kind: type, content } = part
      const last = this.parts.at(-1)
      if (last?.type === type) last.text += content
      else this.parts.push({ type, text: content })
      if (type === 'TEXT') {
        this.text += content
        this.lastText += content
      }
    }
  }
}
