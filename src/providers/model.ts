/** A model of a provider: what the provider tells of it, and what the operator says. */
import { BadUserInput } from '../core/errors.ts'
import { fromJson } from '../db/statement-values.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export const MODEL_CAPABILITIES = ['CHAT', 'TOOLS', 'VISION', 'REASONING', 'EMBEDDING', 'JSON_SCHEMA'] as const
export type ModelCapability = (typeof MODEL_CAPABILITIES)[number]

/** As they are kept: each once, always in the same order, so that equal lists are equal texts. */
export const inOrder = (words: readonly string[]): ModelCapability[] => MODEL_CAPABILITIES.filter((word) => words.includes(word))

/** Every list that holds the word. SQLite cannot be asked through Prisma whether a list does. */
export const listsWith = (word: ModelCapability): ModelCapability[][] =>
  Array.from({ length: 2 ** MODEL_CAPABILITIES.length }, (_, bits) => MODEL_CAPABILITIES.filter((_word, place) => bits & (1 << place))).filter((list) =>
    list.includes(word),
  )

export const MAX_TOKENS = 1_000_000_000
/** A thousand dollars for a thousand tokens. */
export const MAX_PRICE = 1_000_000_000_000

/** What an event about a model carries, and what filters look at. */
export interface ModelValues {
  id: string
  providerId: string
  name: string
  contextLength: number | null
  maxOutputTokens: number | null
  capabilities: string[]
  inputPrice: number | null
  outputPrice: number | null
  cachedInputPrice: number | null
  enabled: boolean
  isListed: boolean
  createdAtMs: number
  updatedAtMs: number
}

export type Prices = Pick<ModelValues, 'inputPrice' | 'outputPrice' | 'cachedInputPrice'>

/** A price counts where input and output have one; with half of it a call would cost what nobody knows. */
export function pricesCheck({ inputPrice, outputPrice, cachedInputPrice }: Prices): void {
  const missing = inputPrice === null ? 'inputPriceMicroUsd' : 'outputPriceMicroUsd'
  if ((inputPrice === null) !== (outputPrice === null))
    throw new BadUserInput(`A price is one of input and output: give ${missing} too, 0 where it costs nothing, or set both to null.`, ['input', missing])
  if (inputPrice === null && cachedInputPrice !== null)
    throw new BadUserInput('Without a price of input and output that of cached input counts for nothing: give these too, or set it to null.', [
      'input',
      'cachedInputPriceMicroUsd',
    ])
}

/** What its provider tells of it. What the operator has set in its place stays. */
export type Told = Pick<ModelValues, 'contextLength' | 'maxOutputTokens' | 'capabilities'>

export const MODEL_COLUMNS = [
  'id',
  'providerId',
  'name',
  'contextLength',
  'maxOutputTokens',
  'capabilities',
  'inputPrice',
  'outputPrice',
  'cachedInputPrice',
  'enabled',
  'isListed',
  'createdAtMs',
  'updatedAtMs',
] as const satisfies (keyof ModelValues)[]

export const MODEL_VALUES = Prisma.raw(MODEL_COLUMNS.map((column) => `"Model"."${column}"`).join(', '))

export function toModelValues(row: Record<string, unknown>): ModelValues {
  const values = Object.fromEntries(MODEL_COLUMNS.map((column) => [column, row[column]]))
  return { ...values, capabilities: fromJson(row.capabilities), enabled: Boolean(row.enabled), isListed: Boolean(row.isListed) } as unknown as ModelValues
}

/** What a sync keeps under `details`: the provider's own words, and what it told last of what the operator may set. */
export interface ModelDetails {
  told?: Told
  [word: string]: unknown
}
