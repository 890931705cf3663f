/** The operations of the queue on a database of their own, without a server: whoever claims, heartbeats and ends is the test. */
import { z } from 'zod'
import { type Actor, server } from '../../src/core/actor.ts'
import { DomainError } from '../../src/core/errors.ts'
import { newId } from '../../src/core/ids.ts'
import { openDatabase } from '../../src/db/database.ts'
import type { Dialect } from '../../src/db/sql.ts'
import { type LoggedEvent, readEvents } from '../../src/events/log.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { transact } from '../../src/events/transact.ts'
import type { Work } from '../../src/events/work.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { lanesOfTypes } from '../../src/tasks/lanes.ts'
import type { TaskStatus, TaskValues } from '../../src/tasks/task.ts'
import { taskCreate } from '../../src/tasks/task-create.ts'
import type { TaskCreation } from '../../src/tasks/task-prepare.ts'
import { TaskTypes } from '../../src/tasks/task-type.ts'
import { type Claim, type Claimed, tasksClaim } from '../../src/tasks/tasks-claim.ts'
import { type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { invariantsHold } from '../kit/invariants.ts'

export const TYPES = ['test.a', 'test.b']

export interface Row extends TaskValues {
  lane: string
  readyAtMs: number | null
  leaseExpiresAtMs: number | null
  status: TaskStatus
}

export class Engine {
  readonly types = new TaskTypes()

  private constructor(
    readonly scratch: ScratchDatabase,
    readonly store: Store,
    readonly ada: Actor,
    readonly bob: Actor,
  ) {
    for (const name of TYPES) this.types.register({ name, description: 'Is only written down.', params: z.looseObject({}), run: async () => ({}) })
  }

  /** On a new database, or on one that is there already. */
  static async open(dialect: Dialect, there?: ScratchDatabase): Promise<Engine> {
    const scratch = there ?? (await scratchDatabase(dialect))
    const store = await openStore(await openDatabase({ url: scratch.url }), { warn: () => {} })
    return new Engine(scratch, store, await newUser(store), await newUser(store))
  }

  async close(): Promise<void> {
    await this.store.close()
    // Tests empty the table by hand, and lose leases that no server is there to take over.
    await invariantsHold(this.scratch.url, { except: ['TASK_EVENTS_DISAGREE', 'TASK_LEASE_LAPSED'] }).finally(this.scratch.drop)
  }

  as<T>(actor: Actor, operation: (work: Work) => Promise<T>): Promise<T> {
    return transact(this.store, actor, operation).then(({ result }) => result)
  }

  asServer<T>(operation: (work: Work) => Promise<T>): Promise<T> {
    return this.as(server, operation)
  }

  /** Makes a task of ada's, of the first type. */
  async create(creation: Partial<TaskCreation> = {}, actor = this.ada): Promise<string> {
    return (await this.as(actor, (work) => taskCreate(work, this.types, { type: 'test.a', ...creation }))).id
  }

  claim(claim: Partial<Claim> = {}): Promise<Claimed[]> {
    return this.asServer((work) => tasksClaim(work, { lanes: lanesOfTypes(TYPES), limit: 1, worker: 'worker', kind: 'SERVER', leaseSeconds: 10, ...claim }))
  }

  /** Claims one task, that must be there. */
  async claimOne(claim: Partial<Claim> = {}): Promise<Claimed> {
    const [claimed] = await this.claim(claim)
    if (!claimed) throw new Error('There was nothing to claim.')
    return claimed
  }

  /** Tries to claim until a claim finds nothing. Answers ids in the order in which they were claimed. */
  async claimAll(claim: Partial<Claim> = {}): Promise<string[]> {
    const ids: string[] = []
    for (let some = await this.claim(claim); some.length; some = await this.claim(claim)) ids.push(...some.map(({ id }) => id))
    return ids
  }

  async row(id: string): Promise<Row> {
    const [row] = await this.store.database.rows<Row>(Prisma.sql`SELECT * FROM "Task" WHERE "id" = ${id}`)
    if (!row) throw new Error('There is no such task.')
    return row
  }

  async status(id: string): Promise<TaskStatus> {
    return (await this.row(id)).status
  }

  events(id: string): Promise<LoggedEvent[]> {
    return readEvents(this.store.database, 0, { subjectId: id }, 1000)
  }

  async kinds(id: string): Promise<string[]> {
    return (await this.events(id)).map(({ kind }) => kind.replace('TASK_', ''))
  }

  /** Changes columns of a task as time would: `{"leaseExpiresAtMs": 1}`. */
  async age(id: string, columns: Record<string, number>): Promise<void> {
    const set = Object.entries(columns).map(([column, value]) => Prisma.sql`${Prisma.raw(`"${column}"`)} = CAST(${BigInt(value)} AS BIGINT)`)
    await this.store.database.client.$executeRaw`UPDATE "Task" SET ${Prisma.join(set)} WHERE "id" = ${id}`
  }

  /** What an operation was refused with. */
  async refused(actor: Actor, operation: (work: Work) => Promise<unknown>): Promise<{ code: string; path: string[] | null; message: string }> {
    try {
      await this.as(actor, operation)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return { code: error.code, path: error.inputPath, message: error.message }
    }
    throw new Error('It was not refused.')
  }
}

async function newUser({ database }: Store): Promise<Actor> {
  const id = newId()
  await database.client.user.create({ data: { id, email: `${id}@example.com`, displayName: 'somebody', preferences: {}, createdAtMs: 1n, updatedAtMs: 1n } })
  return { kind: 'session', sessionId: id, expiresAtMs: Number.MAX_SAFE_INTEGER, userId: id, role: 'USER' }
}
