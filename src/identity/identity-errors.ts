/** What a user can meet when they register, log in, or manage an account. */
import { DomainError, errorCode } from '../core/errors.ts'
import { registerConstraint } from '../db/constraints.ts'

const EMAIL_TAKEN = errorCode('EMAIL_TAKEN', 'There is already a user with this email address.')
const REGISTRATION_CLOSED = errorCode('REGISTRATION_CLOSED', 'This installation lets nobody register; ask one of its ADMINs.')
const INVALID_CREDENTIALS = errorCode('INVALID_CREDENTIALS', 'Email and password do not belong together, or the user is disabled.')
const INVALID_REFRESH_TOKEN = errorCode('INVALID_REFRESH_TOKEN', 'The refresh token is unknown, expired or used, or its session has ended: log in anew.')
const LAST_ADMIN = errorCode('LAST_ADMIN', 'An installation keeps at least one ADMIN who is not disabled.')

export class EmailTaken extends DomainError {
  constructor() {
    super(EMAIL_TAKEN, 'There is already a user with this email address.', ['input', 'email'])
  }
}

export class RegistrationClosed extends DomainError {
  constructor() {
    super(REGISTRATION_CLOSED, 'Registration is closed. Ask an ADMIN of this installation.')
  }
}

/** One answer for an unknown email, a wrong password and a disabled user. */
export class InvalidCredentials extends DomainError {
  constructor(message = 'Email or password is wrong.', path: string[] | null = null) {
    super(INVALID_CREDENTIALS, message, path)
  }
}

/** One answer for every way in which a refresh token can be of no use. */
export class InvalidRefreshToken extends DomainError {
  constructor() {
    super(INVALID_REFRESH_TOKEN, 'This refresh token is of no use; log in anew.', ['input', 'refreshToken'])
  }
}

export class LastAdmin extends DomainError {
  constructor() {
    super(LAST_ADMIN, 'This is the last ADMIN; make another one first.', ['input', 'id'])
  }
}

registerConstraint({ model: 'User', fields: ['email'] }, () => new EmailTaken())
