/**
 * What the trail is told outside the transactions of changes: refusals, for which nothing was changed, and calls that succeeded without
 * changing anything. They are gathered for a moment and written together.
 */
import { type Actor, actorId, server } from '../core/actor.ts'
import { fromGlobalId, newId } from '../core/ids.ts'
import { keptText } from '../core/kept-text.ts'
import { networkOf } from '../core/network.ts'
import type { TrailedCall, TrailKind } from '../core/trailed-call.ts'
import type { Store } from '../events/store.ts'
import type { NewEntry } from '../events/trail.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type RefusalLimitSettings, RefusalLimits } from './refusal-limits.ts'

const SOON_MS = 200
const DROPPED_EVERY_MS = 10 * 60_000
const AT_ONCE = 500
/** While the database is away, no more than these are held. */
const MAX_HELD = 5000

/** Where a call comes from. */
export interface CalledFrom {
  requestId: string
  address: string
  userAgent: string | null
}

export interface NewCall {
  kind: TrailKind
  operation: string
  operationName?: string | null | undefined
  /** A global id as the client gave it: counts if it is one. */
  subject?: unknown
  startedAt?: number
}

const MAX_NAME = 200
/** An address has no more. */
const MAX_EMAIL = 254

export class Auditor {
  readonly #limits: RefusalLimits
  #held: NewEntry[] = []
  #timer: NodeJS.Timeout | undefined
  readonly #droppedTimer: NodeJS.Timeout
  #isAgain = false
  #flushing: Promise<void> = Promise.resolve()
  readonly #off: () => void

  constructor(
    readonly store: Store,
    readonly warn: (error: unknown) => void,
    limits?: RefusalLimitSettings,
  ) {
    this.#limits = new RefusalLimits(limits)
    this.#droppedTimer = setInterval(() => this.#tellDropped(), DROPPED_EVERY_MS)
    this.#droppedTimer.unref()
    // On whatever server it was removed.
    this.#off = store.tail.on('*', ({ kind }) => {
      if (kind === 'AUDIT_PERSONAL_DATA_REMOVED') store.trail.forgetOrigins()
    })
  }

  get isOn(): boolean {
    return this.store.trail.isOn
  }

  /** A call that begins; null where there is no trail. */
  call(from: CalledFrom, { kind, operation, operationName, subject, startedAt = performance.now() }: NewCall): TrailedCall | null {
    if (!this.isOn) return null
    const { requestId, address, userAgent } = from
    return {
      kind,
      operation: operation.slice(0, MAX_NAME),
      operationName: operationName?.slice(0, MAX_NAME) ?? null,
      subject: subjectIn(subject),
      requestId,
      address,
      userAgent,
      startedAt,
      isTold: false,
    }
  }

  /** It succeeded. Where it changed something, that was told with the change. */
  succeeded(actor: Actor, call: TrailedCall | null): void {
    if (call && !call.isTold) this.#hold(this.store.trail.entryOf(actor, call))
  }

  /** It was refused. `email`: of a login that failed. */
  refused(actor: Actor, call: TrailedCall | null, code: string, email: string | null = null): void {
    if (!call) return
    const whose = { userId: actorId(actor), network: networkOf(call.address) }
    if (this.#limits.admits(whose)) this.#hold(this.store.trail.entryOf(actor, call, { code, email: email && keptText(email, MAX_EMAIL) }))
  }

  #hold(entry: NewEntry): void {
    if (this.#held.length >= MAX_HELD) {
      this.#limits.drop({ userId: entry.userId ?? null, network: entry.origin?.address ?? null })
      return
    }
    this.#held.push(entry)
    this.#timer ??= setTimeout(() => void this.flush(), SOON_MS)
    this.#timer.unref()
  }

  #tellDropped(): void {
    for (const { userId, network, count } of this.#limits.takeDropped())
      this.#hold({
        id: newId(),
        kind: 'REFUSALS_DROPPED',
        operation: 'refusals',
        userId,
        code: 'RATE_LIMITED',
        count,
        origin: network === null ? null : this.store.trail.origin({ userId, address: network, userAgent: null, email: null }),
      })
  }

  /** Writes what is held. `all`: also how much was dropped. */
  flush({ all = false } = {}): Promise<void> {
    if (all) this.#tellDropped()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#flushing = this.#flushing.then(() => this.#write())
    return this.#flushing
  }

  async #write(): Promise<void> {
    while (this.#held.length) {
      const entries = this.#held.slice(0, AT_ONCE)
      try {
        await transact(this.store, server, async (work) => {
          const there = this.#isAgain ? await idsThere(work, entries) : new Set<string>()
          work.entries.push(...entries.filter(({ id }) => !there.has(id)))
        })
        this.#isAgain = false
      } catch (error) {
        // It may have been committed all the same, where only the answer was lost.
        this.#isAgain = true
        this.warn(error)
        this.#timer ??= setTimeout(() => void this.flush(), 10 * SOON_MS)
        this.#timer.unref()
        return
      }
      this.#held = this.#held.slice(entries.length)
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#droppedTimer)
    this.#off()
    await this.flush({ all: true })
    clearTimeout(this.#timer)
  }
}

async function idsThere(work: Work, entries: readonly NewEntry[]): Promise<Set<string>> {
  const rows = await work.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "AuditEntry" WHERE "id" IN (${Prisma.join(entries.map(({ id }) => id))})`)
  return new Set(rows.map(({ id }) => id))
}

function subjectIn(given: unknown): { type: string; id: string } | null {
  if (typeof given !== 'string') return null
  try {
    return fromGlobalId(given)
  } catch {
    return null
  }
}
