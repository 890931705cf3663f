/**
 * Where text comes from. A *provider* is a source of models (`openai`, `local`), a *model* is named `provider/model`, and
 * a *generation* is one answer, read part by part while it is being made.
 */

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

export interface GenerationRequest {
  /** Oldest first. */
  messages: ChatMessage[]
  /** `provider/model`; a name without a slash is a model of the default provider; null is the default model. */
  model: string | null
  /** Left out: what the provider thinks best. */
  temperature?: number
  maxOutputTokens?: number
  /** Aborting ends the work at the provider at once; whoever reads the parts then gets the signal's reason. */
  signal: AbortSignal
}

export type GenerationPart = { kind: 'TEXT' | 'REASONING'; content: string }

/** What an answer took. Tokens are the provider's own count: null where it did not say, never a guess. */
export interface GenerationUsage {
  inputTokens: number | null
  outputTokens: number | null
  /** From the first reading until the first part came, waiting included; null when none came. */
  timeToFirstTokenMs: number | null
  durationMs: number
}

export interface GenerationOutcome {
  /** `stop`: the model was done. `length`: it ran into its limit. `content-filter`: the provider held the rest back. */
  finishReason: string
  usage: GenerationUsage
}

export interface Generation {
  provider: string
  /** Without the provider's name. */
  model: string
  /** Read once. The work starts with the first reading, and leaving the loop early ends it. Throws where the answer was cut. */
  parts: AsyncIterable<GenerationPart>
  /** Settles when the parts have ended; rejects with what they threw. Need not be awaited. */
  outcome: Promise<GenerationOutcome>
}

/** What a provider knows at the end of an answer; the clock is not its business. */
export interface Ending {
  finishReason: string
  inputTokens: number | null
  outputTokens: number | null
}

/** What each kind of provider implements. */
export interface Provider {
  readonly name: string
  /** Its models by their bare names; where `takesAnyModel`, only those known beforehand. The first is its default. */
  readonly models: string[]
  readonly takesAnyModel: boolean
  /** Null: ready to be used. Otherwise what to set or to install. */
  readonly unavailableBecause: string | null
  /** Must wake up and throw as soon as the request's signal aborts. */
  stream(model: string, request: GenerationRequest): AsyncGenerator<GenerationPart, Ending, undefined>
  close(): Promise<void>
}

export interface ProviderInfo {
  name: string
  /** Full names, as `GenerationRequest.model` takes them. */
  models: string[]
  /** Whether it also takes models that are not listed. */
  takesAnyModel: boolean
  unavailableBecause: string | null
}

export interface Providers {
  /** Rejects when no provider can take the request; what goes wrong later is thrown by the parts. */
  generate(request: GenerationRequest): Promise<Generation>
  /** In the order in which the default is looked for. */
  list(): ProviderInfo[]
  /** Ends running generations with an error that may be retried, and every process they needed. */
  close(): Promise<void>
}

/** As much of a pino logger as is needed here. */
export interface ProviderLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
