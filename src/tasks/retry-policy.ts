/** How long to wait before another attempt. */
import { z } from 'zod'

export interface RetryPolicy {
  /** Before the second attempt. */
  initialSeconds: number
  /** Each further pause is so many times as long as the one before it. */
  factor: number
  maxSeconds: number
  /** Up to this part of a pause is added at random, so that what failed together does not come back together. */
  jitter: number
}

export const RETRY_POLICY: RetryPolicy = { initialSeconds: 1, factor: 2, maxSeconds: 300, jitter: 0.5 }

/** What a user may give; what is left out is as in `RETRY_POLICY`. */
export const retryPolicyRule = z.strictObject({
  initialSeconds: z.number().min(0, 'Must be at least 0').max(86_400, 'Must be at most 86400').nullish(),
  factor: z.number().min(1, 'Must be at least 1').max(10, 'Must be at most 10').nullish(),
  maxSeconds: z.number().min(0, 'Must be at least 0').max(604_800, 'Must be at most 604800').nullish(),
  jitter: z.number().min(0, 'Must be at least 0').max(1, 'Must be at most 1').nullish(),
})

export type RetryPolicyInput = z.output<typeof retryPolicyRule>

/** Milliseconds until the attempt after `attempt`. */
export function backoffMs(attempt: number, policy: RetryPolicyInput | null | undefined, random = Math.random()): number {
  const given = (name: keyof RetryPolicy) => policy?.[name] ?? RETRY_POLICY[name]
  const pause = Math.min(given('initialSeconds') * given('factor') ** Math.max(0, attempt - 1), given('maxSeconds'))
  return Math.round(pause * 1000 * (1 + random * given('jitter')))
}
