/**
 * Which passwords are accepted: 8 to 128 characters, exactly as given, and none of those that everybody tries first.
 * No rules on kinds of characters: they make passwords worse (NIST SP 800-63B).
 */
import { dictionary } from '@zxcvbn-ts/language-common'

export const PASSWORD_MIN = 8
export const PASSWORD_MAX = 128

const common = new Set(dictionary['passwords-common'].filter((password) => password.length >= PASSWORD_MIN).map((password) => password.toLowerCase()))

/** What is wrong with a new password; null: nothing. */
export function passwordFault(password: string): string | null {
  const length = [...password].length
  if (length < PASSWORD_MIN) return `Must have at least ${PASSWORD_MIN} characters`
  if (length > PASSWORD_MAX) return `Must have at most ${PASSWORD_MAX} characters`
  if (password.includes('\u0000')) return 'Must not hold null characters'
  // Half a character has no UTF-8: all of them would hash alike.
  if (/\p{Surrogate}/u.test(password)) return 'Must be valid Unicode'
  if (common.has(password.toLowerCase())) return 'Is one of the most common passwords; choose another'
  return null
}
