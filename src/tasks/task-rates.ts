/** How many tasks of a type may start in a while, over all servers and workers. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/**
 * On average `limit` starts in `seconds`, and at most `limit` at once: one column says until when the starts so far use up the
 * rate (the generic cell rate algorithm, ITU-T I.371).
 */
export interface Rate {
  limit: number
  seconds: number
}

/** The name a rate is counted under: of a type that programs elsewhere run, each owner's apart. */
export const rateName = (type: string, ownerId?: string): string => (ownerId === undefined ? type : `${type}@${ownerId}`)

interface Rated {
  type: string
  ownerId: string
}

interface Gate {
  /** Whether it may start now; if so, it is counted. */
  letsThrough(candidate: Rated): boolean
  /** Writes down what was let through. */
  close(): Promise<void>
}

/**
 * Takes hold of the rates of the candidates until the end of the transaction. `rates`: by `rateName` with the owner, which goes first
 * even where it is null and so sets no limit, or by type.
 */
export async function ratesOpen(work: Work, rates: ReadonlyMap<string, Rate | null>, candidates: readonly Rated[]): Promise<Gate> {
  const nameOf = ({ type, ownerId }: Rated) => {
    const name = [rateName(type, ownerId), type].find((each) => rates.has(each))
    return name !== undefined && rates.get(name) ? name : undefined
  }
  const names = rates.size ? [...new Set(candidates.map(nameOf))].filter((name) => name !== undefined).sort() : []
  const states = await statesHold(work, names)
  return {
    letsThrough: (candidate) => {
      const name = nameOf(candidate)
      if (name === undefined) return true
      const { limit, seconds } = rates.get(name)!
      const state = states.get(name)
      // Its row, unused for a day, was removed in this very moment: with the next claim.
      if (!state) return false
      const eachMs = (seconds * 1000) / limit
      if (state.freeAtMs + eachMs > state.nowMs + seconds * 1000 + 0.001) return false
      state.freeAtMs += eachMs
      state.isUsed = true
      return true
    },
    close: async () => {
      for (const [name, { freeAtMs, isUsed }] of states)
        if (isUsed) await work.execute(Prisma.sql`UPDATE "TaskRate" SET "freeAtMs" = CAST(${Math.ceil(freeAtMs)} AS BIGINT) WHERE "name" = ${name}`)
    },
  }
}

interface State {
  freeAtMs: number
  nowMs: number
  isUsed: boolean
}

async function statesHold(work: Work, names: readonly string[]): Promise<Map<string, State>> {
  if (!names.length) return new Map()
  const given = work.sql.table('rated', { name: { kind: 'text', values: names } })
  // Changed to what it is, it is held; and whoever clears away what has not been used for long cannot come in between.
  const rows = await work.rows<{ name: string; freeAtMs: number; nowMs: number }>(Prisma.sql`
    INSERT INTO "TaskRate" ("name", "freeAtMs") SELECT "name", 0 FROM ${given} WHERE 1 = 1
    ON CONFLICT ("name") DO UPDATE SET "freeAtMs" = "TaskRate"."freeAtMs" RETURNING "name", "freeAtMs", ${work.sql.nowMs} AS "nowMs"`)
  return new Map(rows.map((row) => [row.name, { freeAtMs: Math.max(Number(row.freeAtMs), Number(row.nowMs)), nowMs: Number(row.nowMs), isUsed: false }]))
}
