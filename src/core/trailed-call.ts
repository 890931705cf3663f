/** A call that somebody makes, as the trail will tell of it: it goes with its actor into whatever transactions it leads to. */

export type TrailKind = 'MUTATION' | 'QUERY' | 'SUBSCRIPTION' | 'REQUEST' | 'PROVIDER_CALL' | 'TOOL_CALL' | 'REFUSALS_DROPPED'

export interface TrailedCall {
  readonly kind: TrailKind
  /** The root field. */
  readonly operation: string
  /** What the client calls it. */
  readonly operationName: string | null
  /** What it is about, where the client names it; a global id. */
  readonly subject: { type: string; id: string } | null
  readonly requestId: string
  readonly address: string
  readonly userAgent: string | null
  /** By `performance.now()`. */
  readonly startedAt: number
  /** Whether an entry of it has been committed. */
  isTold: boolean
}
