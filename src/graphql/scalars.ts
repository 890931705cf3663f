/** Scalars beyond GraphQL's own. */
import { GraphQLError, Kind, type ValueNode, valueFromASTUntyped } from 'graphql'
import { builder } from './builder.ts'

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/
const JSON_MAX_DEPTH = 32
const JSON_MAX_VALUES = 50_000

/** JavaScript takes the 30th of February for the 2nd of March. */
const isDay = (day: string): boolean => {
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}

function parseDateTime(value: unknown): Date {
  const date = typeof value === 'string' && RFC3339.test(value) && isDay(value.slice(0, 10)) ? new Date(value) : null
  if (!date || Number.isNaN(date.getTime())) throw new GraphQLError('A DateTime reads like 2026-01-31T12:00:00Z (RFC 3339).')
  return date
}

builder.scalarType('DateTime', {
  description: 'A moment, in UTC, as RFC 3339 with milliseconds: `2026-01-31T12:00:00.000Z`.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
})

/** Refuses what one of the databases cannot keep, and what is meant to exhaust the server. */
function checkJson(value: unknown): unknown {
  let values = 0
  const visit = (part: unknown, depth: number): void => {
    if (depth > JSON_MAX_DEPTH) throw new GraphQLError(`A JSON value is at most ${JSON_MAX_DEPTH} levels deep.`)
    if (++values > JSON_MAX_VALUES) throw new GraphQLError(`A JSON value holds at most ${JSON_MAX_VALUES} values.`)
    if (typeof part === 'string' && part.includes('\u0000')) throw new GraphQLError('Text must not hold null characters.')
    if (typeof part === 'string' && /\p{Surrogate}/u.test(part)) throw new GraphQLError('Text must be valid Unicode: it holds half a character.')
    if (typeof part === 'number' && !Number.isFinite(part)) throw new GraphQLError('JSON knows no infinite numbers.')
    if (Array.isArray(part)) for (const item of part) visit(item, depth + 1)
    else if (part !== null && typeof part === 'object') {
      for (const [key, item] of Object.entries(part)) {
        visit(key, depth + 1)
        visit(item, depth + 1)
      }
    }
  }
  visit(value, 0)
  return value
}

builder.scalarType('JSON', {
  description: `Any JSON value; at most ${JSON_MAX_DEPTH} levels deep and ${JSON_MAX_VALUES} values in all.`,
  serialize: (value) => value,
  parseValue: checkJson,
  parseLiteral: (node: ValueNode, variables) => checkJson(valueFromASTUntyped(node, variables)),
})

function parseSafeInt(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new GraphQLError('A SafeInt is a whole number between -(2^53 - 1) and 2^53 - 1.')
  return value
}

builder.scalarType('SafeInt', {
  description: 'A whole number between -(2^53 - 1) and 2^53 - 1, which every JSON reader keeps exact.',
  serialize: (value) => value,
  parseValue: parseSafeInt,
  parseLiteral: (node) => {
    if (node.kind !== Kind.INT) throw new GraphQLError('A SafeInt is a whole number.')
    return parseSafeInt(Number(node.value))
  },
})

builder.scalarType('Cursor', {
  description: 'A place in the log of changes. Opaque; hand it back as `after` to go on from there, on any server.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value !== 'string' || value.length > 64) throw new GraphQLError('This is not a cursor of the log.')
    return value
  },
})
