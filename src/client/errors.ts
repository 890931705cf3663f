/** What can go wrong, as classes: `catch (error) { if (error instanceof NotFound) … }`. */
import type { ErrorCode } from './schema.ts'

/** Codes of answers that are refused as a whole, with those of single inputs. */
export type Code = ErrorCode | 'QUERY_TOO_COMPLEX' | 'INTERNAL' | 'STREAM_NOT_COMPLETED'

/** How the server tells it: `path` of a user error, `extensions` of a top-level one. */
export interface Fault {
  message: string
  code?: string
  path?: readonly (string | number)[] | null
  extensions?: { code?: string; inputPath?: readonly string[]; retryAfterMs?: number; requestId?: string }
}

/** Every error of the server is one of these, or of a class below. */
export class HoldfastError extends Error {
  readonly code: Code
  /** The input field it is about, as `['input', 'params']`. */
  readonly path: readonly string[] | null
  /** Where there is more than one thing to mend: all of them. */
  readonly faults: readonly Fault[]

  constructor(faults: readonly [Fault, ...Fault[]], options?: ErrorOptions) {
    const [first] = faults
    super(first.message, options)
    this.name = new.target.name
    this.code = (first.code ?? first.extensions?.code ?? 'INTERNAL') as Code
    this.path = first.code ? (first.path?.map(String) ?? null) : (first.extensions?.inputPath ?? null)
    this.faults = faults
  }
}

/** The access token or key is not, or no longer, valid. */
export class Unauthenticated extends HoldfastError {}
/** Email or password are wrong. */
export class InvalidCredentials extends HoldfastError {}
/** The right to do this is missing, as an API key's scope. */
export class Forbidden extends HoldfastError {}
/** It is not there, or not yours. */
export class NotFound extends HoldfastError {}
/** A value is outside what the field accepts. */
export class BadUserInput extends HoldfastError {}
/** The id or the idempotency key was used for something else. */
export class Taken extends HoldfastError {}
/** The state the task is in does not allow it; `code` says which rule. */
export class WrongState extends HoldfastError {}
/** The log no longer reaches back to the cursor: read the state anew, and watch from there. */
export class CursorExpired extends HoldfastError {}
export class RateLimited extends HoldfastError {
  /** When to try again. */
  get retryAfterMs(): number {
    return this.faults[0]?.extensions?.retryAfterMs ?? 1000
  }
}
/** No answer came within the client's patience, or the server cannot do it right now. */
export class Unavailable extends HoldfastError {
  static because(message: string, cause?: unknown): Unavailable {
    return new Unavailable([{ message, code: 'UNAVAILABLE' }], { cause })
  }
}
/** A bug of the server; its log tells more under the request id. */
export class Internal extends HoldfastError {
  get requestId(): string | null {
    return this.faults[0]?.extensions?.requestId ?? null
  }
}

const CLASSES: Record<string, typeof HoldfastError> = {
  UNAUTHENTICATED: Unauthenticated,
  INVALID_REFRESH_TOKEN: Unauthenticated,
  INVALID_CREDENTIALS: InvalidCredentials,
  FORBIDDEN: Forbidden,
  NOT_FOUND: NotFound,
  BAD_USER_INPUT: BadUserInput,
  UNKNOWN_TASK_TYPE: BadUserInput,
  UNKNOWN_TOOL: BadUserInput,
  QUERY_TOO_COMPLEX: BadUserInput,
  ID_TAKEN: Taken,
  EMAIL_TAKEN: Taken,
  IDEMPOTENCY_MISMATCH: Taken,
  TASK_NOT_WAITING: WrongState,
  TASK_NOT_CREATED: WrongState,
  TASK_NOT_FINAL: WrongState,
  TASK_NOT_RETRYABLE: WrongState,
  TASK_FINAL: WrongState,
  TASK_RUNNING: WrongState,
  CURSOR_EXPIRED: CursorExpired,
  RATE_LIMITED: RateLimited,
  UNAVAILABLE: Unavailable,
  INTERNAL: Internal,
}

/** The error that the server has told. */
export function told(faults: readonly Fault[]): HoldfastError {
  const [first, ...others] = faults
  if (!first) return new Internal([{ message: 'The server refused, and did not say why.', code: 'INTERNAL' }])
  const Class = CLASSES[first.code ?? first.extensions?.code ?? 'INTERNAL'] ?? HoldfastError
  return new Class([first, ...others])
}

/** What a mutation answered; throws what it was refused with. */
export function accepted<Payload extends { userErrors: readonly Fault[] }>(payload: Payload): Payload {
  if (payload.userErrors.length) throw told(payload.userErrors)
  return payload
}
