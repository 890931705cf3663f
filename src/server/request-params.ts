/** The operation that an HTTP request asks for. Nothing of a request is ever repeated in a refusal. */
import type { Params } from '../graphql/execute.ts'
import { Refused } from '../graphql/refused.ts'

/** Only these: a page elsewhere can send forms and plain text without being asked by the browser, but not these. */
const BODY_TYPES = new Set(['application/json', 'application/graphql+json'])

/** Refuses bodies that are not JSON in UTF-8. */
export function checkContentType(contentType: string | null | undefined, contentEncoding: string | null | undefined): void {
  const [type, ...parameters] = (contentType ?? '').toLowerCase().split(';')
  const charset = parameters.map((parameter) => /^\s*charset\s*=\s*"?([\w-]+)"?\s*$/.exec(parameter)?.[1]).find(Boolean)
  if (!BODY_TYPES.has(type!.trim()) || (charset && charset !== 'utf-8' && charset !== 'utf8'))
    throw new Refused(415, 'The body must be application/json in UTF-8.', { accept: 'application/json' })
  if (contentEncoding && contentEncoding !== 'identity') throw new Refused(415, 'The body must not be compressed.')
}

export const tooLarge = (maxBytes: number) => new Refused(413, `A request has at most ${maxBytes} bytes.`)

export function paramsOfBody(body: string): Params {
  return checkParams(parseJson(body, 'The body is not valid JSON.'))
}

export function paramsOfQuery(search: URLSearchParams): Params {
  const json = (name: string) => {
    const text = search.get(name)
    return text ? parseJson(text, `The parameter ${name} is not valid JSON.`) : undefined
  }
  return checkParams({
    query: search.get('query'),
    operationName: search.get('operationName') || undefined,
    variables: json('variables'),
    extensions: json('extensions'),
  })
}

function parseJson(text: string, fault: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refused(400, fault)
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether these are the parameters of a GraphQL request; unknown ones are left out. */
export function checkParams(given: unknown): Params {
  if (Array.isArray(given)) throw new Refused(400, 'Batches are not supported: send one operation a request.')
  if (!isObject(given)) throw new Refused(400, 'The body must be a JSON object.')
  const { query, operationName, variables, extensions } = given
  if (typeof query !== 'string') throw new Refused(400, '`query` must be a string.')
  if (operationName != null && typeof operationName !== 'string') throw new Refused(400, '`operationName` must be a string.')
  if (variables != null && !isObject(variables)) throw new Refused(400, '`variables` must be an object.')
  if (extensions != null && !isObject(extensions)) throw new Refused(400, '`extensions` must be an object.')
  return { query, operationName, variables, extensions }
}
