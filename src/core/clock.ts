/** The server's own time, for what is only told; leases and schedules go by the database's clock, in the statement itself. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  nowMs(): number
}

export const DAY_MS = 86_400_000

export const systemClock: Clock = { nowMs: () => Date.now() }

/** Times are kept as BigInt milliseconds on both databases: no time zone can shift them. */
export const toDate = (ms: bigint | number): Date => new Date(Number(ms))
export const toDateOrNull = (ms: bigint | number | null | undefined): Date | null => (ms === null || ms === undefined ? null : new Date(Number(ms)))
