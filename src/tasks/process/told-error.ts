/** Errors on their way from one process to the other. */
import { DomainError } from '../../core/errors.ts'

export interface ToldError {
  message: string
  name?: string | undefined
  stack?: string | undefined
  /** Those of a `DomainError`. */
  code?: string | undefined
  retryable?: boolean | undefined
  retryAfterMs?: number | undefined
}

/** A `DomainError` that was thrown in another process. */
export class ToldDomainError extends DomainError {
  override readonly retryable: boolean
  readonly retryAfterMs: number | null
  constructor(told: ToldError & { code: string }) {
    super(told.code, told.message)
    this.retryable = told.retryable ?? false
    this.retryAfterMs = told.retryAfterMs ?? null
  }
}

export function tellError(error: unknown): ToldError {
  if (!(error instanceof Error)) return { message: String(error) }
  const { message, name, stack } = error
  if (!(error instanceof DomainError)) return { message, name, stack }
  const retryAfterMs = 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined
  return { message, name, stack, code: error.code, retryable: error.retryable, retryAfterMs }
}

/** What is no `DomainError` stays a bug, with the stack of where it happened, and is not shown to users. */
export function hearError(told: ToldError): Error {
  if (told.code !== undefined) return new ToldDomainError({ ...told, code: told.code })
  const error = new Error(told.message)
  if (told.name) error.name = told.name
  if (told.stack) error.stack = told.stack
  return error
}
