import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DomainError } from '../../src/core/errors.ts'
import { newId } from '../../src/core/ids.ts'
import { isRetryable, meaningOf, registerConstraint } from '../../src/db/constraints.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { addUser, running, streamOf, taskOf } from './rows.ts'

class Meant extends DomainError {
  constructor(what: string) {
    super('TEST', what)
  }
}

registerConstraint({ model: 'User', fields: ['email'] }, () => new Meant('email taken'))
registerConstraint({ model: 'Task', fields: ['id'] }, () => new Meant('task exists'))
registerConstraint({ model: 'StreamChunk', fields: ['streamId', 'seq'], primaryKey: true }, () => new Meant('chunk exists'))
registerConstraint({ model: 'Task', fields: ['ownerId'], kind: 'foreignKey' }, () => new Meant('no such owner'))
registerConstraint({ model: 'Task', name: 'Task_progress_check' }, () => new Meant('progress outside 0 to 1'))

describe.each(dialects())('broken constraints on %s', (dialect) => {
  let scratch: ScratchDatabase
  let database: Database

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    database = await openDatabase({ url: scratch.url })
  })
  afterAll(async () => {
    await database.close()
    await scratch.drop()
  })

  const meaning = async (attempt: Promise<unknown>) => {
    const error = await attempt.then(
      () => expect.fail('nothing was refused'),
      (problem: unknown) => problem,
    )
    expect(isRetryable(error)).toBe(false)
    return meaningOf(error)?.message ?? null
  }

  test('a value that must be unique means what its room said', async () => {
    const { client } = database
    const { email } = await addUser(client)
    expect(await meaning(addUser(client, { email }))).toBe('email taken')
    expect(await meaning(client.$transaction(async (tx) => addUser(tx, { email })))).toBe('email taken')
    expect(await meaning(client.user.updateMany({ where: { email: { not: email } }, data: { email } }).then(() => addUser(client, { email })))).toBe(
      'email taken',
    )
  })

  test('so it does where a raw statement broke it', async () => {
    const { id, email } = await addUser(database.client)
    const other = await addUser(database.client)
    expect(await meaning(database.client.$executeRaw`UPDATE "User" SET "email" = ${email} WHERE "id" = ${other.id}`)).toBe('email taken')
    expect(await meaning(database.client.$queryRaw`UPDATE "User" SET "email" = ${other.email} WHERE "id" = ${id} RETURNING "id"`)).toBe('email taken')
  })

  test('a primary key, of one column or of two', async () => {
    const { client } = database
    const { id: ownerId } = await addUser(client)
    const task = await client.task.create({ data: taskOf(ownerId) })
    expect(await meaning(client.task.create({ data: taskOf(ownerId, { id: task.id }) }))).toBe('task exists')
    expect(await meaning(client.task.createMany({ data: [taskOf(ownerId), taskOf(ownerId, { id: task.id })] }))).toBe('task exists')
    const { id: streamId } = await client.stream.create({ data: streamOf(ownerId) })
    const chunk = { streamId, seq: 0, kind: 'TEXT', content: new Uint8Array(), createdAtMs: 0n } as const
    await client.streamChunk.create({ data: chunk })
    expect(await meaning(client.streamChunk.create({ data: chunk }))).toBe('chunk exists')
  })

  test('a foreign key', async () => {
    expect(await meaning(database.client.task.create({ data: taskOf(newId()) }))).toBe('no such owner')
  })

  test('a check', async () => {
    const { client } = database
    const { id: ownerId } = await addUser(client)
    expect(await meaning(client.task.create({ data: taskOf(ownerId, { progress: 1.5 }) }))).toBe('progress outside 0 to 1')
    const { id } = await client.task.create({ data: taskOf(ownerId, { progress: 0.5 }) })
    expect(await meaning(client.task.update({ where: { id }, data: { progress: -0.1 } }))).toBe('progress outside 0 to 1')
    expect(await meaning(client.$executeRaw`UPDATE "Task" SET "progress" = 2 WHERE "id" = ${id}`)).toBe('progress outside 0 to 1')
  })

  test('a constraint that nobody registered means nothing, and neither does any other error', async () => {
    const { client } = database
    const { id: ownerId } = await addUser(client)
    expect(await meaning(client.stream.create({ data: streamOf(newId()) }))).toBeNull()
    expect(await meaning(client.task.create({ data: taskOf(ownerId, { attempt: -1 }) }))).toBeNull()
    expect(await meaning(client.$queryRaw`SELECT nonsense FROM "User"`)).toBeNull()
    expect(meaningOf(new Error('UNIQUE constraint failed: User.email'))).toBeNull()
    expect(meaningOf('User_email_key')).toBeNull()
  })

  describe('the rules that the models cannot say', () => {
    test.each([
      ['a queued task with a lease token', { leaseToken: 'secret' }],
      ['a queued task with a worker', { worker: 'w1' }],
      ['a queued task with a lease that ends', { leaseExpiresAtMs: 1n }],
      ['a running task without a lease', { status: 'RUNNING' }],
      ['a running task whose lease has no end', { ...running, leaseExpiresAtMs: null }],
      ['a running task without a worker', { ...running, worker: null }],
      ['progress above 1', { progress: 1.0001 }],
      ['progress below 0', { progress: -0.0001 }],
      ['a negative attempt', { attempt: -1 }],
      ['a completed task without a time', { status: 'COMPLETED' }],
      ['a queued task that was completed', { completedAtMs: 1n }],
    ] as const)('%s is refused, new or changed', async (_, over) => {
      const { client } = database
      const { id: ownerId } = await addUser(client)
      await expect(client.task.create({ data: taskOf(ownerId, over) })).rejects.toThrow(/constraint/)
      const { id } = await client.task.create({ data: taskOf(ownerId) })
      const before = await client.task.findUniqueOrThrow({ where: { id } })
      await expect(client.task.update({ where: { id }, data: over })).rejects.toThrow(/constraint/)
      expect(await client.task.findUniqueOrThrow({ where: { id } })).toEqual(before)
    })

    test('every state of a task has its proper form', async () => {
      const { client } = database
      const { id: ownerId } = await addUser(client)
      for (const status of ['CREATED', 'QUEUED'] as const) await client.task.create({ data: taskOf(ownerId, { status }) })
      await client.task.create({ data: taskOf(ownerId, running) })
      for (const status of ['COMPLETED', 'FAILED', 'CANCELLED'] as const) {
        const { id } = await client.task.create({ data: taskOf(ownerId, running) })
        const unleased = { worker: null, workerKind: null, leaseToken: null, leaseExpiresAtMs: null }
        await client.task.update({ where: { id }, data: { status, completedAtMs: 1n, ...unleased } })
      }
      for (const progress of [null, 0, 1]) await client.task.create({ data: taskOf(ownerId, { progress }) })
      expect(await client.task.count({ where: { ownerId } })).toBe(9)
    })

    test.each([
      ['a seq before the first', { lastSeq: -2 }],
      ['a final stream without a time', { status: 'INTERRUPTED' }],
      ['an open stream that was completed', { completedAtMs: 1n }],
    ] as const)('a stream with %s is refused, new or changed', async (_, over) => {
      const { client } = database
      const { id: ownerId } = await addUser(client)
      await expect(client.stream.create({ data: streamOf(ownerId, over) })).rejects.toThrow(/constraint/)
      const { id } = await client.stream.create({ data: streamOf(ownerId) })
      await expect(client.stream.update({ where: { id }, data: over })).rejects.toThrow(/constraint/)
    })

    test('a chunk with a negative seq is refused', async () => {
      const { client } = database
      const { id: ownerId } = await addUser(client)
      const { id: streamId } = await client.stream.create({ data: streamOf(ownerId) })
      const data = { streamId, seq: -1, kind: 'TEXT', content: new Uint8Array(), createdAtMs: 0n } as const
      await expect(client.streamChunk.create({ data })).rejects.toThrow(/constraint/)
    })
  })
})

describe.each(dialects().filter((dialect) => dialect === 'postgresql'))('transient failures on %s', (dialect) => {
  let scratch: ScratchDatabase
  let database: Database

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    database = await openDatabase({ url: scratch.url, poolSize: 2 })
  })
  afterAll(async () => {
    await database.close()
    await scratch.drop()
  })

  const failure = (attempts: Promise<unknown>[]) =>
    Promise.allSettled(attempts).then((results) => results.find((result) => result.status === 'rejected')?.reason as unknown)

  test('a serialization failure may be tried again', async () => {
    const { client } = database
    const { id } = await addUser(client)
    const rename = (raw: boolean) =>
      client.$transaction(
        async (tx) => {
          const { displayName } = await tx.user.findUniqueOrThrow({ where: { id } })
          await tx.$queryRaw`SELECT 1 FROM pg_sleep(0.1)`
          if (raw) await tx.$executeRaw`UPDATE "User" SET "displayName" = ${`${displayName}!`} WHERE "id" = ${id}`
          else await tx.user.update({ where: { id }, data: { displayName: `${displayName}!` } })
        },
        { isolationLevel: 'Serializable' },
      )
    for (const raw of [false, true]) expect(isRetryable(await failure([rename(raw), rename(raw)]))).toBe(true)
  })

  test('a deadlock may be tried again', async () => {
    const { client } = database
    const [one, other] = [await addUser(client), await addUser(client)]
    const rename = (first: string, second: string) =>
      client.$transaction(async (tx) => {
        await tx.user.update({ where: { id: first }, data: { displayName: 'x' } })
        await tx.$queryRaw`SELECT 1 FROM pg_sleep(0.2)`
        await tx.user.update({ where: { id: second }, data: { displayName: 'x' } })
      })
    expect(isRetryable(await failure([rename(one.id, other.id), rename(other.id, one.id)]))).toBe(true)
  })

  test('a transaction that got no connection in time may be tried again, one that took too long may not', async () => {
    const { client } = database
    const busy = [1, 2].map(() => client.$transaction(async (tx) => tx.$queryRaw`SELECT 1 FROM pg_sleep(0.5)`))
    expect(isRetryable(await failure([client.$transaction(async (tx) => tx.user.count(), { maxWait: 50 })]))).toBe(true)
    await Promise.all(busy)
    const slow = client.$transaction(
      async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM pg_sleep(0.2)`
        await tx.user.count()
      },
      { timeout: 50 },
    )
    expect(isRetryable(await failure([slow]))).toBe(false)
  })
})
