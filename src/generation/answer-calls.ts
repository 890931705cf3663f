/**
 * Meters the calls that an answer takes: each is begun before it is made, told all that comes of it, and ended once.
 *
 * A call that others follow is ended when the next begins. The last one is ended in the transaction that ends the attempt, together with
 * its stream, however that ends.
 */
import { DomainError } from '../core/errors.ts'
import { type Span, tracing } from '../core/tracing.ts'
import type { Work } from '../events/work.ts'
import type { CallBegin, CallEnd, CallFollower } from '../providers/provider.ts'
import { ProviderFailed } from '../providers/provider-errors.ts'
import type { TaskRun } from '../tasks/task-type.ts'
import { type CallEnding, callStatusOf, type Meter, type MeteredCall, type TokenCounts } from '../usage/meter.ts'
import { countTokens } from '../usage/tokens.ts'
import type { AnswerRequest } from './answer.ts'
import type { AnswerPen } from './answer-pen.ts'

interface OpenCall {
  metered: MeteredCall
  span: Span | undefined
  beganAt: number
  answeredAt: number | null
  endedAt: number | null
  /** What the provider said of it at its end. */
  said: CallEnd | null
  isOverBudget: boolean
  /** What went wrong with it, where that is not what the whole answer is told to have failed of. */
  error: string | null
  /** The provider, or the way to it, said no; otherwise it was left while it may have been at work. */
  isRefused: boolean
}

const NOTHING: TokenCounts = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 }

export class AnswerCalls implements CallFollower {
  #open: OpenCall | null = null
  #step = 0
  /** Of the attempt: providers call back from wherever they are. */
  readonly #trace = tracing.on?.current
  readonly #counted = new Map<string, number>()

  constructor(
    readonly task: TaskRun,
    readonly request: Pick<AnswerRequest, 'conversationId' | 'messageId'>,
    readonly meter: Meter | null,
    readonly pen: AnswerPen,
  ) {
    if (meter)
      task.atEnd(async (work, ending) => {
        if (this.#open) await settle(this.#open, endingOf(this.#open, { status: callStatusOf(ending), error: this.#open.error ?? ending.error }), work)
      })
  }

  async begin({ input, maxOutputTokens }: CallBegin): Promise<void> {
    const { task, meter, pen, request } = this
    pen.nextCall()
    if (!meter) return
    const before = this.#open
    if (before) await settle(before, endingOf(before, { status: 'COMPLETED', error: null }))
    this.#open = null
    const inputTokens = await this.#tokensIn(input)
    task.signal.throwIfAborted()
    const metered = await meter.begin({
      ownerId: task.ownerId,
      ...pen.author,
      inputTokens,
      maxOutputTokens,
      taskId: task.id,
      taskType: task.type,
      attempt: task.attempt,
      step: ++this.#step,
      streamId: pen.streamId,
      conversationId: request.conversationId ?? null,
      messageId: request.messageId ?? null,
    })
    const open: OpenCall = {
      metered,
      span: this.#span(),
      beganAt: performance.now(),
      answeredAt: null,
      endedAt: null,
      said: null,
      isOverBudget: false,
      error: null,
      isRefused: false,
    }
    if (task.signal.aborted) {
      // The end of the attempt may be written already; this call was never made.
      await settle(open, { ...endingOf(open, { status: 'CANCELLED', error: null }), tokens: NOTHING })
      throw task.signal.reason
    }
    this.#open = open
  }

  answered(): void {
    if (this.#open) this.#open.answeredAt ??= performance.now()
  }

  ended(said: CallEnd): void {
    if (this.#open) Object.assign(this.#open, { said, endedAt: performance.now() })
  }

  /** What has come of the answer; throws where no more may come. */
  async wrote(text: string): Promise<void> {
    const open = this.#open
    try {
      await open?.metered.wrote(text)
    } catch (error) {
      open!.isOverBudget = error instanceof DomainError && error.code === 'BUDGET_EXCEEDED'
      throw error
    }
  }

  /** The call came to nothing; what is `final` is settled with the end of the attempt, otherwise another call is made instead. */
  async failed(error: Error, { final }: { final: boolean }): Promise<void> {
    if (this.#open) Object.assign(this.#open, { error: error.message, isRefused: !(error instanceof ProviderFailed && error.isLate) })
    if (final) return
    if (this.#open) await settle(this.#open, endingOf(this.#open, { status: 'FAILED', error: error.message }))
    this.#open = null
  }

  #span(): Span | undefined {
    const { provider, model } = this.pen.author
    return tracing.on?.begin({
      name: `chat ${model}`,
      kind: 'CLIENT',
      parent: this.#trace,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': provider,
        'gen_ai.request.model': model,
        'task.id': `Task:${this.task.id}`,
        'stream.id': `Stream:${this.pen.streamId}`,
      },
    })
  }

  async #tokensIn(texts: readonly string[]): Promise<number> {
    let tokens = 0
    for (const text of texts) {
      // Each call is given all that the one before it was.
      const known = this.#counted.get(text) ?? (await countTokens(text))
      this.#counted.set(text, known)
      tokens += known
    }
    return tokens
  }
}

/** The last word about it; in a transaction that is run again, the span has ended with the first. */
async function settle({ metered, span }: OpenCall, ending: CallEnding, work?: Work): Promise<void> {
  await metered.end(ending, work)
  if (!span) return
  span.set({
    'gen_ai.usage.input_tokens': ending.tokens?.inputTokens ?? undefined,
    'gen_ai.usage.output_tokens': ending.tokens?.outputTokens ?? undefined,
    'gen_ai.response.finish_reason': ending.finishReason ?? undefined,
    'holdfast.time_to_first_token_ms': ending.timeToFirstTokenMs ?? undefined,
    'holdfast.usage_id': `ProviderUsage:${metered.usageId}`,
  })
  if (ending.status !== 'COMPLETED') span.fail(ending.status)
  span.end()
}

/** `otherwise`: how it ended where the provider did not come to its end. */
function endingOf(open: OpenCall, otherwise: Pick<CallEnding, 'status' | 'error'>): CallEnding {
  open.endedAt ??= performance.now()
  const { said, beganAt, answeredAt, endedAt, isOverBudget, isRefused } = open
  return {
    ...(said ? { status: 'COMPLETED' as const, error: null } : otherwise),
    ...(isOverBudget && { status: 'BUDGET_EXCEEDED' as const, error: otherwise.error }),
    ...(!said && !isRefused && { isCut: true }),
    tokens: said?.tokens ?? null,
    timeToFirstTokenMs: answeredAt === null ? null : Math.round(answeredAt - beganAt),
    durationMs: Math.round(endedAt - beganAt),
    finishReason: said?.finishReason ?? null,
  }
}
