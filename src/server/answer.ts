/** A result as an HTTP answer: which media type, which status (GraphQL over HTTP), which headers. */
import type { ExecutionResult } from 'graphql'
import { Refused } from '../graphql/refused.ts'

export type JsonType = 'application/json' | 'application/graphql-response+json'

/** What a client accepts. */
export interface Accepted {
  json: JsonType | null
  events: boolean
}

const EVERYTHING: Accepted = { json: 'application/json', events: true }

export function acceptedBy(accept: string | null | undefined): Accepted {
  if (!accept || accept === '*/*') return EVERYTHING
  const types = accept
    .toLowerCase()
    .split(',')
    .filter((range) => !/;\s*q=0(\.0*)?\s*(;|$)/.test(range))
    .map((range) => range.split(';')[0]!.trim())
  const any = types.includes('*/*')
  const json = types.includes('application/graphql-response+json')
    ? 'application/graphql-response+json'
    : any || types.includes('application/json') || types.includes('application/graphql+json') || types.includes('application/*')
      ? 'application/json'
      : null
  return { json, events: any || types.includes('text/event-stream') || types.includes('text/*') }
}

export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}

/** A request that was well-formed is answered 200 as `application/json`, and by its meaning as `application/graphql-response+json`. */
export function answerOf(result: ExecutionResult, type: JsonType): Answer {
  const headers: Record<string, string> = { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' }
  let status = 200
  const [error] = result.errors ?? []
  if (error) {
    if (error instanceof Refused) {
      status = error.status
      Object.assign(headers, error.headers)
    } else if (type === 'application/graphql-response+json' && !('data' in result)) status = STATUS[String(error.extensions.code)] ?? 400
    if (status === 401) headers['www-authenticate'] = 'Bearer'
    for (const { extensions } of result.errors!)
      if (typeof extensions.retryAfterMs === 'number') headers['retry-after'] = String(Math.ceil(extensions.retryAfterMs / 1000))
  }
  return { status, headers, body: JSON.stringify(result) }
}

const STATUS: Record<string, number> = { UNAUTHENTICATED: 401, FORBIDDEN: 403, RATE_LIMITED: 429, INTERNAL: 500, UNAVAILABLE: 503 }
