/** What every operation is given: where to read and write, who acts, and what is to be told once it is committed. */
import type { Actor } from '../core/actor.ts'
import type { Clock } from '../core/clock.ts'
import type { Database, OpenTransaction, Tx } from '../db/database.ts'
import type { NewEntry, Trail } from './trail.ts'

/** A change of state, to be written with it. */
export interface NewEvent {
  /** `<SUBJECT>_<WHAT>`, as `TASK_STARTED`. */
  kind: string
  subjectType: string
  subjectId: string
  /** Whose it is; null: only ADMINs see it. */
  ownerId: string | null
  /** Who caused it, where that became known only now (a login); left out: the actor of the work. */
  actorId?: string
  /** The values after the change; what was other before it stands under `before`. Never a secret. */
  data?: Record<string, unknown>
}

export interface Work extends Pick<OpenTransaction, 'rows' | 'execute'> {
  /** Prisma on the transaction; in a plain read, the client. */
  readonly db: Tx
  /** What the two databases say differently. */
  readonly sql: Database['sql']
  readonly dialect: Database['dialect']
  readonly actor: Actor
  readonly clock: Clock
  /** Collected, and written by the transaction's last statement. */
  readonly events: NewEvent[]
  /** What the trail of calls is to tell, written by the same statement. */
  readonly entries: NewEntry[]
  readonly trail: Trail
  /** Topics to wake once committed. */
  readonly signals: Set<string>
}
