import type { DomainError } from '../core/errors.ts'
import type { ChatMessage } from '../providers/provider.ts'
import type { TaskRun } from '../tasks/task-type.ts'
import type { AnswerHost, AnswerRequest } from './answer.ts'
import type { AnswerCalls } from './answer-calls.ts'
import { passesOn } from './answer-errors.ts'
import type { AnswerPen } from './answer-pen.ts'

/**
 * Asks the model something before its answer: a call like every other, metered and held to the budgets, but nothing of it is said in the
 * stream. What the answer can do without comes as `error`; a budget that ends, or a cancel, ends the answer.
 */
export type Aside = (messages: ChatMessage[], maxOutputTokens: number) => Promise<{ text: string } | { error: DomainError }>

interface Asking {
  task: TaskRun
  request: Pick<AnswerRequest, 'model' | 'callTimeoutSeconds'>
  host: AnswerHost
  pen: AnswerPen
  calls: AnswerCalls
}

export const asideBy =
  ({ task, request: { model, callTimeoutSeconds }, host, pen, calls }: Asking): Aside =>
  async (messages, maxOutputTokens) => {
    try {
      const generation = await host.providers.generate({
        messages,
        model,
        maxOutputTokens,
        ...(callTimeoutSeconds !== undefined && { callTimeoutMs: callTimeoutSeconds * 1000 }),
        calls,
        signal: task.signal,
      })
      await pen.take({ provider: generation.provider, model: generation.model })
      let text = ''
      for await (const part of generation.parts) {
        task.signal.throwIfAborted()
        await calls.wrote(part.content)
        if (part.kind === 'TEXT') text += part.content
      }
      task.signal.throwIfAborted()
      return { text }
    } catch (error) {
      task.signal.throwIfAborted()
      if (!passesOn(error)) throw error
      await calls.failed(error, { final: false })
      return { error }
    }
  }
