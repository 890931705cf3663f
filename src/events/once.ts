/**
 * The same key, the same result: mutations that are safe to send again.
 *
 * The key's row is the transaction's first statement, so of two twins one waits for the other's commit and then reads
 * what it did. Kept are a hash of the input, the ids made and the user errors; never a secret.
 */
import { createHash } from 'node:crypto'
import type { Actor } from '../core/actor.ts'
import { actorId } from '../core/actor.ts'
import { BadUserInput, DomainError, IdempotencyMismatch, Unavailable } from '../core/errors.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Store } from './store.ts'
import { type Committed, transact } from './transact.ts'
import type { Work } from './work.ts'

/** What a mutation made, by name: ids and flags that a replay can answer with. */
export type Made = Record<string, string | number | boolean | null | string[]>

export interface Once {
  mutation: string
  key: string | null | undefined
  /** A client-made id, which is a key too where none is given; what was refused under it may be mended and sent again. */
  id?: string | null | undefined
  input: unknown
}

interface Fault {
  code: string
  message: string
  path: string[] | null
}

/** `faults`: where there is more than one thing to mend, all of them. */
type Outcome = { made: Made } | { error: Fault; faults?: Fault[] } | null

/** How long a key is remembered at least. */
export const IDEMPOTENCY_HOURS = 24

/** Runs `operation` in a transaction, or answers what it led to before under the same key. */
export async function once<T extends Made>(
  store: Store,
  actor: Actor,
  { mutation, key: given, id, input }: Once,
  operation: (work: Work) => Promise<T>,
): Promise<Committed<T> & { replayed: boolean }> {
  const isKeyed = given !== null && given !== undefined
  const key = given ?? id
  if (key === null || key === undefined) return { ...(await transact(store, actor, operation)), replayed: false }
  if (key.length < 1 || key.length > 200) throw new BadUserInput('An idempotency key has 1 to 200 characters.', ['input', 'idempotencyKey'])
  const ownerId = actorId(actor) ?? ''
  const inputHash = hashOf(input)
  const same = Prisma.sql`"ownerId" = ${ownerId} AND "mutation" = ${mutation} AND "key" = ${key}`
  const remember = (work: Work, outcome: Outcome) =>
    work.execute(Prisma.sql`INSERT INTO "IdempotencyKey" ("ownerId", "mutation", "key", "inputHash", "outcome", "createdAtMs")
      VALUES (${ownerId}, ${mutation}, ${key}, ${inputHash}, ${work.sql.json(outcome)}, ${work.sql.nowMs}) ON CONFLICT ("ownerId", "mutation", "key") DO NOTHING`)
  const replay = async (work: Work): Promise<T> => {
    const [row] = await work.rows<{ inputHash: string; outcome: unknown }>(Prisma.sql`SELECT "inputHash", "outcome" FROM "IdempotencyKey" WHERE ${same}`)
    // Its time ran out in this very moment.
    if (!row) throw new Unavailable('The idempotency key has just expired; try again.')
    if (row.inputHash !== inputHash) throw new IdempotencyMismatch(isKeyed ? 'idempotencyKey' : 'id')
    const outcome = row.outcome as Outcome
    if (outcome && 'made' in outcome) return outcome.made as T
    throw new ReplayedError(
      outcome?.error ?? { code: 'UNAVAILABLE', message: 'The first call with this key did not end.', path: null },
      outcome?.faults?.map(toError),
    )
  }
  try {
    const { result, position } = await transact(store, actor, async (work) => {
      if ((await remember(work, null)) === 0) return { made: await replay(work), replayed: true }
      const made = await operation(work)
      await work.execute(Prisma.sql`UPDATE "IdempotencyKey" SET "outcome" = ${work.sql.json({ made })} WHERE ${same}`)
      return { made, replayed: false }
    })
    return { result: result.made, position, replayed: result.replayed }
  } catch (error) {
    if (!isAnswer(error) || !isKeyed) throw error
    // Remembered too, in a transaction of its own, for the one it was raised in is rolled back. If a twin was faster in
    // between, then what it led to is the answer to both.
    const refusal = { error: faultOf(error), ...(error.faults && { faults: error.faults.map(faultOf) }) }
    const { result: twin, position } = await transact(store, actor, async (work) =>
      (await remember(work, refusal)) === 0 ? { made: await replay(work) } : null,
    )
    if (twin) return { result: twin.made, position, replayed: true }
    throw error
  }
}

/** Whether a refusal is what the mutation led to; not what may be otherwise the next time though the input is the same. */
const isAnswer = (error: unknown): error is DomainError =>
  error instanceof DomainError &&
  !error.retryable &&
  !['UNAUTHENTICATED', 'FORBIDDEN'].includes(error.code) &&
  !(error instanceof IdempotencyMismatch) &&
  !(error instanceof ReplayedError)

const faultOf = ({ code, message, inputPath: path }: DomainError): Fault => ({ code, message, path })

const toError = ({ code, message, path }: Fault) => new DomainError(code, message, path)

/** The user error that the first call with this key met. */
class ReplayedError extends DomainError {
  constructor(
    { code, message, path }: Fault,
    override readonly faults?: readonly DomainError[],
  ) {
    super(code, message, path)
  }
}

/** Equal inputs, whatever the order of their fields, have equal hashes. */
function hashOf(input: unknown): string {
  const sorted = (value: unknown): unknown => {
    if (value instanceof Date || value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return value.map(sorted)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, v]) => v !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([k, v]) => [k, sorted(v)]),
    )
  }
  return createHash('sha256')
    .update(JSON.stringify(sorted(input)) ?? 'undefined')
    .digest('base64url')
}
