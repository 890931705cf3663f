import type { Actor } from '../core/actor.ts'
import { Unauthenticated, Unavailable } from '../core/errors.ts'
import { once } from '../events/once.ts'
import type { Store } from '../events/store.ts'
import { type Committed, transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { watchActor } from '../identity/actor-watch.ts'
import type { Turns } from './claim-candidates.ts'
import { readyWatch } from './ready-watch.ts'
import { TASK_VALUES, toTaskValues } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { taskReleaseUnfinished } from './task-release.ts'
import { type Claim, type Claimed, tasksClaim } from './tasks-claim.ts'

interface Waiting extends Same {
  waitMs: number
  /** Aborts when the client leaves. */
  signal: AbortSignal
}

/** By what a claim is known that is sent again. */
interface Same {
  key: string | undefined
  input: object
}

/**
 * Claims for a worker elsewhere; where nothing is there, waits for up to `waitMs` without holding anything, and answers nothing
 * then. What is claimed for somebody whose right has ended meanwhile is given back at once.
 */
export async function tasksClaimWaiting(store: Store, actor: Actor, claim: Claim, { waitMs, signal, ...same }: Waiting): Promise<Committed<Claimed[]>> {
  const watch = readyWatch(store)
  const ending = new AbortController()
  const end = () => ending.abort()
  let ended: string | null = null
  const offs: (() => void)[] = []
  let committed = await attempt(store, actor, claim, same)
  try {
    if (isOpen(committed) && waitMs > 0 && !signal.aborted && !watch.stopped.aborted) {
      const timer = setTimeout(end, waitMs)
      offs.push(() => clearTimeout(timer))
      for (const other of [signal, watch.stopped]) {
        other.addEventListener('abort', end, { once: true })
        offs.push(() => other.removeEventListener('abort', end))
      }
      offs.push(
        watchActor(store, actor, (reason) => {
          ended = reason
          end()
        }),
      )
      while (isOpen(committed) && !ending.signal.aborted) {
        // In line before it looks, so that what comes in between wakes it.
        const turn = inLine(watch, claim, ending.signal)
        committed = await attempt(store, actor, claim, same)
        if (isOpen(committed)) await turn.woken
        turn.leave()
      }
    }
  } finally {
    for (const off of offs) off()
  }
  if (ended !== null) {
    await tasksGiveBack(store, actor, committed.result)
    throw new Unauthenticated(ended)
  }
  committed.result.sort(({ task: a }, { task: b }) => b.priority - a.priority || a.runAtMs - b.runAtMs || (a.id < b.id ? -1 : 1))
  return committed
}

interface Found extends Committed<Claimed[]> {
  /** It was sent again: this is what the first one took, as far as it is still held. */
  isAgain?: boolean
}

/** Whether more can still be found. What was claimed under this key before and is lost by now, nobody gets by waiting. */
const isOpen = ({ result, isAgain }: Found): boolean => !result.length && !isAgain

function inLine(watch: ReturnType<typeof readyWatch>, { lanes }: Claim, over: AbortSignal): { woken: Promise<void>; leave: () => void } {
  let leave = () => {}
  const woken = new Promise<void>((resolve) => {
    const off = watch.next(lanes, resolve)
    const stop = () => resolve()
    over.addEventListener('abort', stop, { once: true })
    leave = () => {
      off()
      over.removeEventListener('abort', stop)
    }
    if (over.aborted) resolve()
  })
  return { woken, leave }
}

/** Where the last claims stopped: of all workers elsewhere, for what is remembered is by type and owner. */
const turns = new WeakMap<Store, Turns>()
const MAX_TURNS = 10_000

function attempt(store: Store, actor: Actor, claim: Claim, { key, input }: Same): Promise<Found> {
  const known: Turns = turns.get(store) ?? new Map()
  if (known.size > MAX_TURNS) known.clear()
  turns.set(store, known)
  const run = (work: Work) => tasksClaim(work, { ...claim, turns: known })
  return key === undefined ? transact(store, actor, run) : attemptOnce(store, actor, { key, input }, run)
}

/** Nothing is remembered of a claim that found nothing. */
class NothingThere extends Unavailable {}

async function attemptOnce(store: Store, actor: Actor, same: { key: string; input: object }, run: (work: Work) => Promise<Claimed[]>): Promise<Found> {
  let claimed: Claimed[] = []
  try {
    const { result, position, replayed } = await once(store, actor, { mutation: 'taskClaim', ...same }, async (work) => {
      claimed = await run(work)
      if (!claimed.length) throw new NothingThere('Nothing is there.')
      return { attempts: claimed.map(({ task }) => `${task.id} ${task.attempt}`) }
    })
    return { result: replayed ? await stillHeld(store, result.attempts) : claimed, position, isAgain: replayed }
  } catch (error) {
    if (error instanceof NothingThere) return { result: [], position: null }
    throw error
  }
}

/** What an earlier claim took, with its tokens: they are read where they are kept anyway. */
async function stillHeld(store: Store, attempts: readonly string[]): Promise<Claimed[]> {
  const ids = attempts.map((each) => each.split(' ')[0]!)
  const rows = await store.database.rows<
    Record<string, unknown> & { leaseToken: string; leaseExpiresAtMs: number; params: unknown; traceparent: string | null }
  >(
    Prisma.sql`SELECT ${TASK_VALUES}, "leaseToken", "leaseExpiresAtMs", "params", "traceparent" FROM "Task" WHERE "id" IN (${Prisma.join(ids)}) AND "status" = 'RUNNING'`,
  )
  return rows
    .map(({ leaseToken, leaseExpiresAtMs, params, traceparent, ...row }) => ({
      id: row.id as string,
      leaseToken,
      leaseExpiresAtMs,
      params,
      traceparent,
      task: toTaskValues(row),
    }))
    .filter(({ task }) => attempts.includes(`${task.id} ${task.attempt}`))
}

/** Of those that are still held by these leases. */
export const tasksGiveBack = (store: Store, actor: Actor, claimed: readonly Claimed[]) =>
  transact(store, actor, async (work) => {
    for (const lease of claimed) {
      try {
        await taskReleaseUnfinished(work, lease, 'Its worker had left before it got the task.')
      } catch (error) {
        if (!(error instanceof TaskNotLeased)) throw error
      }
    }
  })
