/** Reading what a provider says of its models: it may be anything, of any length. */
import type { z } from 'zod'
import { boundedBody } from '../core/bounded-body.ts'
import { ProviderFailed, strikeOut } from './provider-errors.ts'
import type { ListedModel } from './sdk-provider.ts'
import { type Fetch, messageIn } from './wire.ts'

export const MAX_LISTED_MODELS = 2000
export const MAX_MODEL_NAME = 200
const MAX_LIST_BYTES = 16_000_000
const MAX_DETAILS_BYTES = 4000

export interface Question {
  provider: string
  /** Struck out of whatever comes. */
  secrets: readonly string[]
  url: string
  headers: Record<string, string>
  fetch: Fetch
  signal: AbortSignal
}

/** The JSON at a URL, if it is what it should be. */
export async function readJson<T>({ provider, secrets, url, headers, fetch, signal }: Question, schema: z.ZodType<T>): Promise<T> {
  const response = await fetch(url, { headers: { accept: 'application/json', ...headers }, signal })
  const text = strikeOut(await textOf(provider, response), secrets)
  if (!response.ok) throw new ProviderFailed(provider, `${response.status} ${messageIn(text) || response.statusText}`, { retryable: response.status >= 500 })
  const read = schema.safeParse(jsonIn(provider, text))
  if (!read.success) throw new ProviderFailed(provider, `its list of models is not understood: ${issueOf(read.error)}`, { retryable: false })
  return read.data
}

/** Refuses what is too long to be a list, and for whom an error is no answer either. */
export const listFetch =
  ({ provider, secrets, fetch, signal }: Omit<Question, 'url' | 'headers'>): Fetch =>
  async (input, init) => {
    const response = await fetch(input, { ...init, signal })
    const text = strikeOut(await textOf(provider, response), secrets)
    if (!response.ok) throw new ProviderFailed(provider, `${response.status} ${messageIn(text) || response.statusText}`, { retryable: response.status >= 500 })
    jsonIn(provider, text)
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }

function jsonIn(provider: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ProviderFailed(provider, `it answered what is no JSON: ${text.slice(0, 200)}`, { retryable: true })
  }
}

async function textOf(provider: string, response: Response): Promise<string> {
  const { bytes, truncated } = await boundedBody(response, MAX_LIST_BYTES)
  if (truncated) throw new ProviderFailed(provider, `its list of models is longer than ${MAX_LIST_BYTES} bytes`, { retryable: false })
  return bytes.toString('utf8')
}

const issueOf = (error: z.ZodError): string => error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')

/** A whole number as a provider tells it; anything else is as good as nothing. */
export function count(...values: unknown[]): number | null {
  for (const value of values) if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 2_147_483_647) return value
  return null
}

/** What can be kept of it: no name twice, none that is too long, and details that both databases take. */
export function keepable(models: readonly ListedModel[]): ListedModel[] {
  const named = new Map(models.filter(({ name }) => name.length > 0 && name.length <= MAX_MODEL_NAME && isPlain(name)).map((model) => [model.name, model]))
  return [...named.values()].slice(0, MAX_LISTED_MODELS).map((model) => {
    const text = JSON.stringify(model.details)
    return { ...model, details: isPlain(text) && Buffer.byteLength(text) <= MAX_DETAILS_BYTES ? model.details : {} }
  })
}

const isPlain = (text: string): boolean => !/\\u0000|\0|\p{Surrogate}|\\ud[89a-f]/iu.test(text)
