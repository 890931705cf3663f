/** How often one user or address may call. Counted in this process: with n servers the limits are n times as wide. */
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Config } from '../config.ts'
import { RateLimited } from '../core/errors.ts'
import { networkOf } from '../core/network.ts'
import type { RateLimits } from '../graphql/context.ts'

type Settings = Pick<Config, 'RATE_LIMITS' | 'RATE_LIMIT_REQUESTS_PER_SECOND' | 'RATE_LIMIT_REGISTRATIONS_PER_MINUTE' | 'RATE_LIMIT_LOGINS_PER_MINUTE'>

const MESSAGES = { request: 'Too many requests.', registration: 'Too many registrations from this address.', login: 'Too many logins from this address.' }

export function createRateLimits(config: Settings): RateLimits {
  if (!config.RATE_LIMITS) return { consume: async () => {} }
  const limiters = {
    request: new RateLimiterMemory({ points: config.RATE_LIMIT_REQUESTS_PER_SECOND, duration: 1 }),
    registration: new RateLimiterMemory({ points: config.RATE_LIMIT_REGISTRATIONS_PER_MINUTE, duration: 60 }),
    login: new RateLimiterMemory({ points: config.RATE_LIMIT_LOGINS_PER_MINUTE, duration: 60 }),
  }
  return {
    consume: async (kind, key) => {
      try {
        await limiters[kind].consume(networkOf(key))
      } catch (refusal) {
        if (refusal instanceof Error) throw refusal
        throw new RateLimited(Math.max(1, (refusal as RateLimiterRes).msBeforeNext), MESSAGES[kind])
      }
    },
  }
}
