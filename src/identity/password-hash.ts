/** Hashes passwords with argon2id in the library's threads, a bounded number at once, so that logins cannot starve the rest. */
import argon2 from 'argon2'
import { Unavailable } from '../core/errors.ts'

export interface PasswordHasher {
  /** The hash in PHC form. */
  hash(password: string): Promise<string>
  /** Whether the password has this hash. Null stands for an account that does not exist: it takes as long, and is false. */
  verify(hash: string | null, password: string): Promise<boolean>
  /** Whether the hash was made with other parameters than today's. */
  needsRehash(hash: string): boolean
}

export interface PasswordHasherOptions {
  memoryKib: number
  timeCost: number
  parallelism: number
  /** How many are hashed at once. */
  concurrency: number
}

/** At the default cost, what waits is served within about two seconds; past that an honest "later" is better. */
const WAITING_PER_LANE = 64

export function createPasswordHasher({ memoryKib, timeCost, parallelism, concurrency }: PasswordHasherOptions): PasswordHasher {
  const parameters = { memoryCost: memoryKib, timeCost, parallelism }
  const waiting: (() => void)[] = []
  let running = 0

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running < concurrency) running++
    else if (waiting.length >= concurrency * WAITING_PER_LANE) throw new Unavailable('Too many passwords are being checked; try again in a moment.')
    // Whoever leaves hands its place on, so `running` stays as it is.
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }

  const hash = (password: string) => inTurn(() => argon2.hash(password, { type: argon2.argon2id, ...parameters }))
  let nobody: string | undefined
  return {
    hash,
    needsRehash: (phc) => argon2.needsRehash(phc, parameters),
    verify: (phc, password) =>
      inTurn(async () => {
        // Made at the first check of any kind, so that it is no sign of an unknown account.
        nobody ??= await argon2.hash('nobody', { type: argon2.argon2id, ...parameters })
        const matches = await argon2.verify(phc ?? nobody, password)
        return matches && phc !== null
      }),
  }
}
