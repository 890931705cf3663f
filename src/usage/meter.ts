/**
 * What a call of a provider is told of, from before it begins until it has ended: it is written down, priced, and held to the budgets.
 */
import type { Work } from '../events/work.ts'
import type { AttemptEnding } from '../tasks/task-type.ts'

/** A call that is about to be made. */
export interface NewCall {
  ownerId: string
  provider: string
  /** Without the provider's name. */
  model: string
  /** What it is given, as counted here. */
  inputTokens: number
  /** The most it may answer; null: nobody said. */
  maxOutputTokens: number | null
  /** Null, with its type and attempt: of no task, and ended within minutes. */
  taskId: string | null
  taskType: string | null
  attempt: number | null
  /** Which call of its answer it is, from 1. */
  step: number
  /** Null: it writes nothing. */
  streamId: string | null
  conversationId: string | null
  messageId: string | null
}

/** A provider's own count; null where it did not say. */
export interface TokenCounts {
  inputTokens: number | null
  cachedInputTokens: number | null
  outputTokens: number | null
  reasoningTokens: number | null
}

export interface CallEnding {
  status: 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'BUDGET_EXCEEDED'
  /** Null: it was cut before the provider could say; what was written is counted instead. */
  tokens: TokenCounts | null
  /** It was left while the provider may have been at work: its prompt is paid for, though not a word came. */
  isCut?: boolean
  timeToFirstTokenMs: number | null
  durationMs: number
  finishReason: string | null
  error: string | null
}

/** A call under way. */
export interface MeteredCall {
  readonly usageId: string
  /**
   * Tells what has just come of the answer, before it is passed on. Resolves at once while there is room; where a further block of tokens
   * cannot be reserved it throws `BudgetExceeded`, and what was told is still passed on and paid: at most one piece too much.
   */
  wrote(text: string): Promise<void>
  /** Settles the call: within a transaction that does more, or in one of its own. Twice is once. */
  end(ending: CallEnding, work?: Work): Promise<void>
}

export interface Meter {
  /** Writes the call down and reserves what it takes to begin; throws `BudgetExceeded`, or `PriceUnknown` under a budget. */
  begin(call: NewCall): Promise<MeteredCall>
}

/** How a call ended that was under way when its attempt did. */
export const callStatusOf = ({ kind }: AttemptEnding): 'FAILED' | 'CANCELLED' => (kind === 'CANCELLED' || kind === 'RELEASED' ? 'CANCELLED' : 'FAILED')
