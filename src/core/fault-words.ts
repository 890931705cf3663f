/** What zod finds wrong, in the words in which all faults are told: `Must be text`, `Must have at most 4 entries`. */
import type { z } from 'zod'

type Issue = z.core.$ZodRawIssue

const KINDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  date: 'a moment',
  null: 'null',
}
const COUNTED: Record<string, string> = { string: 'characters', array: 'entries', set: 'entries', map: 'entries' }

const quoted = (value: unknown) => (typeof value === 'string' ? `"${value}"` : String(value))
const oneOf = (values: readonly unknown[]) => (values.length === 1 ? `Must be ${quoted(values[0])}` : `Must be one of ${values.map(quoted).join(', ')}`)

/** For a schema's `safeParse(value, { error: faultWords })`; a rule's own words go before these. Undefined: zod's. */
export const faultWords = (issue: Issue): string | undefined => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'Is needed' : `Must be ${KINDS[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return issue.input === undefined ? 'Is needed' : oneOf(issue.values)
    case 'invalid_union':
      return Array.isArray(issue.options) ? oneOf(issue.options) : 'Fits none of the allowed forms'
    case 'too_small':
      return bound(issue, issue.minimum, issue.inclusive === false ? 'more than' : 'at least')
    case 'too_big':
      return bound(issue, issue.maximum, issue.inclusive === false ? 'less than' : 'at most')
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'Is not a name that is allowed here'
    case 'unrecognized_keys':
      return 'Is not allowed here'
    case 'not_multiple_of':
      return `Must be a multiple of ${issue.divisor}`
    case 'invalid_format':
      return issue.format === 'regex' ? 'Has a form that is not allowed' : `Must be of the form ${issue.format}`
    default:
      return undefined
  }
}

function bound({ origin, exact }: { origin: string; exact?: boolean | undefined }, limit: number | bigint, how: string): string {
  const counted = COUNTED[origin]
  if (!counted) return `Must be ${how} ${limit}`
  if (exact) return `Must have exactly ${limit} ${counted}`
  return how === 'at least' && Number(limit) === 1 ? 'Must not be empty' : `Must have ${how} ${limit} ${counted}`
}

interface Told {
  message: string
  path: string[]
}

/** Each with its own place: a name that is not allowed is told where it stands. */
export const faultsOf = (issues: readonly z.core.$ZodIssue[]): Told[] =>
  issues.flatMap((issue) => {
    const path = issue.path.map(String)
    return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => ({ message: issue.message, path: [...path, key] })) : [{ message: issue.message, path }]
  })
