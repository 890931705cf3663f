/** Which of what its owner has stored goes along with the answers of a conversation. */
export interface ContextRule {
  /** Whether facts go along. */
  facts?: boolean | undefined
  /** Only facts with one of these tags. */
  factTags?: string[] | undefined
  /** Inner ids: documents of these collections go along. */
  collections?: string[] | undefined
  /** At most so many tokens; never more than half of what the model has room for. Left out: a quarter of it. */
  budgetTokens?: number | undefined
}

export const MIN_BUDGET = 100
export const MAX_BUDGET = 100_000
export const MAX_FACT_TAGS = 50
/** As many as are searched at once. */
export const MAX_COLLECTIONS = 20
