/** What an error becomes on its way out: a code for what the caller can act on, a request id for the rest. */
import { GraphQLError } from 'graphql'
import { DomainError, RateLimited } from '../core/errors.ts'
import { isRetryable, isUnreachable } from '../db/constraints.ts'

/** Codes a top-level error may carry. */
export const TOP_LEVEL_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'BAD_USER_INPUT',
  'QUERY_TOO_COMPLEX',
  'RATE_LIMITED',
  'CURSOR_EXPIRED',
  'UNAVAILABLE',
  'INTERNAL',
] as const

/** GraphQL's own refusals (syntax, validation, coercion) are the caller's to mend. */
export function maskError(error: unknown, requestId: string, report: (error: unknown) => void): GraphQLError {
  const cause = error instanceof GraphQLError ? (error.originalError ?? error) : error
  const place = error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {}
  if (cause instanceof DomainError) {
    const code = (TOP_LEVEL_CODES as readonly string[]).includes(cause.code) ? cause.code : 'BAD_USER_INPUT'
    return new GraphQLError(cause.message, {
      ...place,
      extensions: { code, ...(cause.inputPath && { inputPath: cause.inputPath }), ...(cause instanceof RateLimited && { retryAfterMs: cause.retryAfterMs }) },
    })
  }
  if (cause instanceof GraphQLError) {
    // graphql-js itself throws these before any resolver of ours has run, or for a value that a scalar refused.
    const { message, nodes, source, positions, path, extensions } = error as GraphQLError
    const code = (TOP_LEVEL_CODES as readonly unknown[]).includes(extensions.code) ? extensions.code : 'BAD_USER_INPUT'
    return new GraphQLError(message, {
      nodes,
      source,
      positions,
      path,
      extensions: { code, ...(typeof extensions.retryAfterMs === 'number' && { retryAfterMs: extensions.retryAfterMs }) },
    })
  }
  report(cause)
  if (isUnreachable(cause) || isRetryable(cause)) {
    const message = 'The database cannot be reached right now. Try again; what was to be changed may have been changed, the same idempotencyKey or id tells.'
    return new GraphQLError(message, { ...place, extensions: { code: 'UNAVAILABLE' } })
  }
  return new GraphQLError('Something went wrong in the server. The log tells more under this request id.', {
    ...place,
    extensions: { code: 'INTERNAL', requestId },
  })
}
