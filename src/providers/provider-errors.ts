import { DomainError, errorCode } from '../core/errors.ts'

const NO_PROVIDER = errorCode('NO_PROVIDER', 'No source of text is set up for this request; the message tells what to set or to install.')
const MODEL_NOT_FOUND = errorCode('MODEL_NOT_FOUND', 'No provider has a model of this name.')
const PROVIDER_FAILED = errorCode(
  'PROVIDER_FAILED',
  'The provider of the model refused, broke off or could not be reached; `retryable` tells whether trying again may help.',
)

/** Long enough for every real message, too short for a whole page of HTML. */
export const longestMessage = 500

export class NoProvider extends DomainError {
  constructor(message: string) {
    super(NO_PROVIDER, message)
  }
}

export class ModelNotFound extends DomainError {
  constructor(model: string, hint: string) {
    super(MODEL_NOT_FOUND, `There is no model "${shorten(model, 100)}". ${hint}`, ['model'])
  }
}

/** The provider's own words about what went wrong; nothing is made up in place of the answer. */
export class ProviderFailed extends DomainError {
  override readonly retryable: boolean
  /** How long the provider asked to be left alone. */
  readonly retryAfterMs: number | null
  /** It was asked, and left because it took too long: it may have been at work. */
  readonly isLate: boolean

  constructor(
    readonly provider: string,
    message: string,
    facts: { retryable: boolean; retryAfterMs?: number | null; isLate?: boolean },
  ) {
    super(PROVIDER_FAILED, `${provider}: ${shorten(message, longestMessage)}`)
    this.retryable = facts.retryable
    this.retryAfterMs = facts.retryAfterMs ?? null
    this.isLate = facts.isLate ?? false
  }
}

/** Takes secrets out of what a provider says, and what looks like a key. A secret of three characters could stand anywhere. */
export function strikeOut(text: string, secrets: readonly string[]): string {
  const struck = secrets.reduce((rest, secret) => (secret.length < 4 ? rest : rest.replaceAll(secret, '…')), text)
  return struck.replace(/\bsk-[\w*-]+/g, 'sk-…')
}

export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
