import { DomainError, errorCode } from '../core/errors.ts'

const ANSWER_UNFIT = errorCode('ANSWER_UNFIT', 'The model’s answer does not fulfil the schema that was asked for; what it said is kept in the stream.')
const NO_MODEL_ANSWERED = errorCode('NO_MODEL_ANSWERED', 'Neither the model nor any of its fallbacks could answer; the message holds the words of each.')

/** The answer is there, but is not what was asked for. Another attempt would cost as much again, so that is for the user to say. */
export class AnswerUnfit extends DomainError {
  constructor(what: string) {
    super(ANSWER_UNFIT, `The answer does not fulfil the schema: ${what}`)
  }
}

export class NoModelAnswered extends DomainError {
  override readonly retryable: boolean
  /** The soonest that one of those asked for. */
  readonly retryAfterMs: number | null

  constructor(failures: readonly DomainError[]) {
    super(NO_MODEL_ANSWERED, `No model answered. ${failures.map(({ message }) => message).join(' ')}`)
    const passing = failures.filter(({ retryable }) => retryable)
    this.retryable = passing.length > 0
    const pauses = passing.map((failure) => ('retryAfterMs' in failure && typeof failure.retryAfterMs === 'number' ? failure.retryAfterMs : 0))
    this.retryAfterMs = pauses.length ? Math.min(...pauses) : null
  }
}

const PASSES_ON = ['PROVIDER_FAILED', 'MODEL_NOT_FOUND', 'NO_PROVIDER', 'PRICE_UNKNOWN']

/** Whether another model may do what this one could not. */
export const passesOn = (error: unknown): error is DomainError => error instanceof DomainError && PASSES_ON.includes(error.code)
