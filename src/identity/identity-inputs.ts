/** Rules for the input fields of accounts. */
import { z } from 'zod'
import { text } from '../core/input.ts'
import { passwordFault } from './password-rule.ts'

export const EMAIL_MAX = 254

/** An address of a new account. Kept in lower case, so that nobody can take another's in capitals. */
export const newEmail = text(1, EMAIL_MAX)
  .transform((email) => email.toLowerCase())
  .pipe(z.email('Is not an email address'))

/** Whatever somebody types to log in: what cannot be an address is an unknown one. */
export const givenEmail = text(1, 1000).transform((email) => email.toLowerCase())

/** Whatever somebody types as their password: taken as it is. */
export const givenPassword = text(1, 1000)

/** A password to be set. */
export const newPassword = z.string().superRefine((password, check) => {
  const message = passwordFault(password)
  if (message) check.addIssue({ code: 'custom', message })
})
