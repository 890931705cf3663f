/**
 * Where text comes from. A *provider* is a source of models (`openai`, `local`), a *model* is named `provider/model`, and
 * a *generation* is one answer, read part by part while it is being made.
 */
import type { EmbeddingModel, LanguageModel } from 'ai'

export type ChatMessage =
  | { role: 'system' | 'user'; content: string }
  /** `toolCalls`: what it called after it said that. Each must be answered by a `tool` message before anybody speaks again. */
  | { role: 'assistant'; content: string; toolCalls?: ToolCallMade[] }
  /** What a tool answered. */
  | { role: 'tool'; callId: string; name: string; output: unknown; isError?: boolean }

/** One that is text alone. */
export type SpokenMessage = { role: 'system' | 'user' | 'assistant'; content: string }

export interface ToolCallMade {
  callId: string
  name: string
  input: unknown
}

/** A tool that a model may call. */
export interface OfferedTool {
  name: string
  description: string
  /** JSON Schema of what it takes. */
  inputSchema: unknown
  /** What it throws the model is told, in its own words. */
  run(input: unknown, call: { callId: string; signal: AbortSignal }): Promise<unknown>
}

/** How much a model shall think before it answers, where it can. */
export type Reasoning = 'LOW' | 'MEDIUM' | 'HIGH'

/** One call of a model that is about to be made: a model that calls tools is called again with what they said. */
export interface CallBegin {
  /** All that it is given, as texts to be counted. */
  input: string[]
  /** The most it may answer, its thinking included; null: nobody said. */
  maxOutputTokens: number | null
}

/** How a call ended, in the provider's own figures; null where it did not say. */
export interface CallEnd {
  finishReason: string
  tokens: { inputTokens: number | null; cachedInputTokens: number | null; outputTokens: number | null; reasoningTokens: number | null }
}

/** Who follows the calls that an answer takes. */
export interface CallFollower {
  /** Before each call, and after all parts of the one before it were read; what it throws ends the answer with that. */
  begin(call: CallBegin): Promise<void>
  /** The provider began to answer. */
  answered(): void
  /** The provider has said all. Some of it may not have been read yet; tools may still be to run. */
  ended(end: CallEnd): void
}

export interface GenerationRequest {
  /** Oldest first. */
  messages: ChatMessage[]
  /** `provider/model`; a name without a slash is a model of the default provider; null is the default model. */
  model: string | null
  /** Left out: what the provider thinks best. */
  temperature?: number
  maxOutputTokens?: number
  /** Texts that end the answer. */
  stop?: string[]
  /** JSON Schema that the model is asked to answer in; whether it did is for the reader to check. */
  schema?: unknown
  reasoning?: Reasoning
  tools?: OfferedTool[]
  /** Most calls of the model; 1 where there are no tools. */
  maxSteps?: number
  /** A call that takes longer is given up. */
  callTimeoutMs?: number
  calls?: CallFollower
  /** Aborting ends the work at the provider at once; whoever reads the parts then gets the signal's reason. */
  signal: AbortSignal
}

/** `content` of a call or a result is JSON. */
export type GenerationPart =
  | { kind: 'TEXT' | 'REASONING'; content: string }
  /** A piece of what the model writes to call a tool; the call itself comes as a whole after it. */
  | { kind: 'TOOL_INPUT'; content: string }
  | { kind: 'TOOL_CALL'; content: string; call: ToolCallMade }
  | { kind: 'TOOL_RESULT'; content: string; result: ToolCallMade & { output: unknown; isError: boolean; durationMs: number } }

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
  /** Where the AI SDK knows it: its model, and what must never be told of it. */
  sdkModel?(model: string): Promise<{ model: LanguageModel; secrets: string[] }>
  /** The same for a model that makes vectors of texts; left out: it has none. */
  sdkEmbedding?(model: string): Promise<{ model: EmbeddingModel; secrets: string[] }>
  /** Must wake up and throw as soon as the request's signal aborts. */
  stream(model: string, request: GenerationRequest): AsyncGenerator<GenerationPart, Ending, undefined>
  close(): Promise<void>
}

/** What providers implement whose models come through the AI SDK. */
export interface SdkProvider {
  /** `secrets` are to be struck out of whatever the provider says. */
  sdkModel(model: string): Promise<{ model: LanguageModel; secrets: string[] }>
}

export const isSdkProvider = <P extends object>(provider: P): provider is P & SdkProvider => 'sdkModel' in provider

/** What is known of a model: null where nobody told. */
export interface ModelFacts {
  provider: string
  /** Without the provider's name. */
  model: string
  /** Tokens of input and output together. */
  contextLength: number | null
  maxOutputTokens: number | null
  /** CHAT, TOOLS, VISION, REASONING, EMBEDDING, JSON_SCHEMA; empty where nobody told. */
  capabilities: string[]
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
  /** Which model a request for `model` would be answered by, and what is known of it. Rejects as `generate` does. */
  describe(model: string | null): Promise<ModelFacts>
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
