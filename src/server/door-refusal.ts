/** How the plain doors, which are no GraphQL, answer an error: as JSON, by the same codes, with the status that each stands for. */
import type { ServerResponse } from 'node:http'
import { DomainError } from '../core/errors.ts'
import { maskError } from '../graphql/mask.ts'
import { sendJson } from './respond.ts'

const STATUS: Record<string, number> = {
  BAD_USER_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  STREAM_EXPIRED: 410,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
}

/** An error as it may leave the server. */
export interface Told {
  code: string
  message: string
  retryAfterMs?: number
}

/** `report`: is given what is ours to mend. */
export function toldOf(error: unknown, requestId: string, report: (cause: unknown) => void): Told {
  const { message, extensions } = maskError(error, requestId, report)
  const code = error instanceof DomainError ? error.code : String(extensions.code)
  return { code, message, ...(typeof extensions.retryAfterMs === 'number' && { retryAfterMs: extensions.retryAfterMs }) }
}

export function sendRefusal(res: ServerResponse, { code, message, retryAfterMs }: Told, requestId: string): void {
  sendJson(
    res,
    STATUS[code] ?? 400,
    { errors: [{ message, extensions: { code, ...(code === 'INTERNAL' && { requestId }) } }] },
    {
      'cache-control': 'no-store',
      ...(code === 'UNAUTHENTICATED' && { 'www-authenticate': 'Bearer' }),
      ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    },
  )
}
