import type { CallEnding, Meter, MeteredCall, NewCall } from '../usage/meter.ts'
import { countTokens } from '../usage/tokens.ts'
import type { CallBegin, CallEnd, CallFollower } from './provider.ts'

/** The one call that trying a provider out makes: for no task, but metered and held to the budgets like every other. */
export class TryMetered implements CallFollower {
  #metered: MeteredCall | null = null
  #beganAt = 0
  #timeToFirstTokenMs: number | null = null
  #said: CallEnd | null = null

  constructor(
    readonly meter: Meter,
    readonly about: Pick<NewCall, 'ownerId' | 'provider' | 'model'>,
  ) {}

  async begin({ input, maxOutputTokens }: CallBegin): Promise<void> {
    const inputTokens = (await Promise.all(input.map(countTokens))).reduce((sum, tokens) => sum + tokens, 0)
    const nowhere = { taskId: null, taskType: null, attempt: null, streamId: null, conversationId: null, messageId: null }
    this.#metered = await this.meter.begin({ ...this.about, ...nowhere, inputTokens, maxOutputTokens, step: 1 })
    this.#beganAt = performance.now()
  }

  answered(): void {
    this.#timeToFirstTokenMs ??= Math.round(performance.now() - this.#beganAt)
  }

  ended(said: CallEnd): void {
    this.#said = said
  }

  async wrote(text: string): Promise<void> {
    await this.#metered?.wrote(text)
  }

  /** Settles it, if it was made. `error`: how it went wrong; `isCut`: it was left while the provider may have been at work. */
  async settle({ error, isCut, isOverBudget }: { error: string | null; isCut?: boolean; isOverBudget?: boolean }): Promise<void> {
    const status: CallEnding['status'] = isOverBudget ? 'BUDGET_EXCEEDED' : error === null ? 'COMPLETED' : 'FAILED'
    await this.#metered?.end({
      status,
      error,
      tokens: this.#said?.tokens ?? null,
      ...(isCut && { isCut }),
      timeToFirstTokenMs: this.#timeToFirstTokenMs,
      durationMs: Math.round(performance.now() - this.#beganAt),
      finishReason: this.#said?.finishReason ?? null,
    })
  }
}
