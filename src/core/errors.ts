/**
 * What can go wrong for a user, and how it is told.
 *
 * A `DomainError` is a fact the user can act on. A mutation answers it as a `userError`; a query or a subscription as a
 * top-level error with the same code. Every other error is a bug: masked, and logged with the request's id.
 */

/** Every code a `DomainError` may carry, with its meaning: the GraphQL enum `ErrorCode` is made of this. */
export const errorCodes = new Map<string, string>()

/** Makes a code known. Rooms call it where they define their errors. */
export function errorCode<const Code extends string>(code: Code, meaning: string): Code {
  errorCodes.set(code, meaning)
  return code
}

export class DomainError extends Error {
  /** Whether the same call may succeed later without being changed. */
  readonly retryable: boolean = false
  /** Where there is more than one thing to mend: all of them. */
  readonly faults?: readonly DomainError[]

  constructor(
    readonly code: string,
    message: string,
    /**
     * The input field it is about, as `['input', 'email']`. Not called `path`: GraphQL takes an error with a path for one that
     * was located already, and would not say which field of the answer it belongs to.
     */
    readonly inputPath: string[] | null = null,
  ) {
    super(message)
    this.name = new.target.name
  }
}

const NOT_FOUND = errorCode('NOT_FOUND', 'There is no such thing, or it is not yours.')
const BAD_USER_INPUT = errorCode('BAD_USER_INPUT', 'A value is outside what this field accepts; `path` names the field.')
const FORBIDDEN = errorCode('FORBIDDEN', 'You may not do this with the rights you came with.')
const UNAUTHENTICATED = errorCode('UNAUTHENTICATED', 'This needs a valid access token or API key.')
const RATE_LIMITED = errorCode('RATE_LIMITED', 'Too many attempts; wait as long as the error says and try again.')
const CURSOR_EXPIRED = errorCode('CURSOR_EXPIRED', 'The log no longer holds what follows this cursor; read the state anew and take a new cursor.')
const UNAVAILABLE = errorCode('UNAVAILABLE', 'The server cannot do this right now; try again.')
const ID_TAKEN = errorCode('ID_TAKEN', 'Something with this id exists already.')
const IDEMPOTENCY_MISMATCH = errorCode('IDEMPOTENCY_MISMATCH', 'This idempotency key was used before with another input.')

/** What is not yours does not exist for you: the same error for both. */
export class NotFound extends DomainError {
  constructor(what: string, path: string[] | null = null) {
    super(NOT_FOUND, `${what} not found.`, path)
  }
}

export class BadUserInput extends DomainError {
  constructor(message: string, path: string[] | null = null) {
    super(BAD_USER_INPUT, message, path)
  }
}

export class Forbidden extends DomainError {
  constructor(message = 'You may not do this.') {
    super(FORBIDDEN, message)
  }
}

export class Unauthenticated extends DomainError {
  constructor(message = 'Log in, or send an API key: Authorization: Bearer …') {
    super(UNAUTHENTICATED, message)
  }
}

export class RateLimited extends DomainError {
  override readonly retryable = true
  constructor(
    readonly retryAfterMs: number,
    message = 'Too many requests.',
  ) {
    super(RATE_LIMITED, `${message} Try again in ${Math.ceil(retryAfterMs / 1000)} s.`)
  }
}

export class CursorExpired extends DomainError {
  constructor() {
    super(CURSOR_EXPIRED, 'This cursor is older than the log, or belongs to another one. Read the state anew and take its eventCursor.')
  }
}

export class Unavailable extends DomainError {
  override readonly retryable = true
  constructor(message: string) {
    super(UNAVAILABLE, message)
  }
}

export class IdempotencyMismatch extends DomainError {
  /** `by`: what the first call is known by; an id of one's own is a key too. */
  constructor(by: 'idempotencyKey' | 'id' = 'idempotencyKey') {
    super(IDEMPOTENCY_MISMATCH, `This ${by === 'id' ? 'id' : 'idempotency key'} was used before with another input.`, ['input', by])
  }
}

export class IdTaken extends DomainError {
  constructor(what: string) {
    super(ID_TAKEN, `A ${what} with this id exists already.`, ['input', 'id'])
  }
}
