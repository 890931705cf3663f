/** Rows to put into a database under test, with everything that is not the point filled in. */
import { newId } from '../../src/core/ids.ts'
import type { Client, Tx } from '../../src/db/database.ts'
import type { Prisma } from '../../src/generated/sqlite/client.ts'

const createdAtMs = 1_700_000_000_000n

export const addUser = (db: Client | Tx, over: Partial<Prisma.UserUncheckedCreateInput> = {}) => {
  const id = over.id ?? newId()
  return db.user.create({ data: { id, email: `${id}@example.org`, displayName: 'Ada', preferences: {}, createdAtMs, updatedAtMs: createdAtMs, ...over } })
}

export const taskOf = (ownerId: string, over: Partial<Prisma.TaskUncheckedCreateInput> = {}): Prisma.TaskUncheckedCreateInput => ({
  id: newId(),
  ownerId,
  type: 'echo',
  lane: 'echo',
  status: 'QUEUED',
  params: {},
  agentsInvolved: [],
  runAtMs: createdAtMs,
  createdAtMs,
  updatedAtMs: createdAtMs,
  ...over,
})

export const streamOf = (ownerId: string, over: Partial<Prisma.StreamUncheckedCreateInput> = {}): Prisma.StreamUncheckedCreateInput => ({
  id: newId(),
  ownerId,
  producer: 'OUTSIDE',
  status: 'PENDING',
  createdAtMs,
  ...over,
})

export const running = { status: 'RUNNING', worker: 'w1', workerKind: 'SERVER', leaseToken: 'secret', leaseExpiresAtMs: 1n } as const
