import { setImmediate as breath } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { auditSeal } from '../../src/audit/audit-seal.ts'
import { auditVerify } from '../../src/audit/audit-verify.ts'
import { chainRead } from '../../src/audit/chain.ts'
import type { Database } from '../../src/db/database.ts'
import type { Store } from '../../src/events/store.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type World } from '../kit/world.ts'
import { entriesOf, sealed, taskCreate, verify } from './audit.ts'
import { KEY, openOn, openTrail, write } from './store.ts'

const seal = (store: Store, sealer: string) => auditSeal(store, { key: KEY, sealer })
const whole = (database: Database) => auditVerify(database, KEY, { limit: 100_000 })
const leaseEnds = ({ database }: Store) => database.client.$executeRaw`UPDATE "AuditChain" SET "leaseExpiresAtMs" = 1`

describe.each(dialects())('20 writers at once on %s', (dialect) => {
  it('make one chain without a hole, while it is being sealed', async () => {
    const worlds: World[] = [await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })]
    // SQLite has one server; of PostgreSQL there may be several, each of which would seal.
    if (dialect === 'postgresql') worlds.push(await openWorld(dialect, { url: worlds[0]!.url, env: { TASK_CONCURRENCY: '0' } }))
    const [world] = worlds as [World]
    const admin = await world.user('admin')
    const users = await Promise.all(Array.from({ length: 4 }, (_, i) => world.user(`writer${i}`)))
    let writing = true
    const sealing = worlds.map(async ({ app }) => {
      while (writing) {
        await app.seals.seal()
        await breath()
      }
    })
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const user = users[i % users.length]!
        for (let n = 0; n < 8; n++) {
          if (n % 4 === 3) await worlds[i % worlds.length]!.ask('{ users { nodes { id } } }', {}, user)
          else await taskCreate(worlds[i % worlds.length]!, user)
        }
      }),
    )
    writing = false
    await Promise.all(sealing)
    // All is told before, for who seals is whoever holds the lease.
    for (const { app } of worlds) await app.audit.flush()
    for (const each of worlds) await sealed(each)
    const positions = (await entriesOf(world, admin)).map(({ position }) => position)
    expect(positions).toEqual(positions.map((_, i) => i + 1))
    const made = await entriesOf(world, admin, { operation: { eq: 'taskCreate' } })
    expect(made.length).toBe(20 * 6)
    expect(new Set(made.map(({ subjectId }) => subjectId)).size).toBe(20 * 6)
    expect(await entriesOf(world, admin, { code: { eq: 'FORBIDDEN' } })).toHaveLength(20 * 2)
    const checked = await verify(world, admin)
    expect(checked).toMatchObject({ isIntact: true, fault: null, next: null, unsealedCount: 0, checkedCount: positions.length })
    for (const each of worlds.reverse()) await each.close()
  })
})

describe.each(dialects())('a sealer on %s', (dialect) => {
  it('leaves it to another that holds the lease, and takes over once that ran out', async () => {
    const trail = await openTrail(dialect)
    const { store } = trail
    await write(store, 10)
    expect(await seal(store, 'one')).toBe('done')
    await write(store, 10)
    expect(await seal(store, 'two')).toBe('busy')
    // The first one was killed.
    await leaseEnds(store)
    expect(await seal(store, 'two')).toBe('done')
    expect(await whole(store.database)).toMatchObject({ fault: null, checkedCount: 20, unsealedCount: 0 })
    await trail.close()
  })

  it('seals nothing twice when a twin took its lease between its look and its word', async () => {
    const trail = await openTrail(dialect)
    const { store } = trail
    await write(store, 30)
    const { database } = store
    let isPaused = false
    const slow = {
      ...store,
      database: {
        ...database,
        sql: database.sql,
        rows: async <T>(statement: Prisma.Sql) => {
          const rows = await database.rows<T>(statement)
          // It has read what it is to seal; then it stands still for longer than its lease.
          if (!isPaused && statement.sql.includes('"AuditEntry"')) {
            isPaused = true
            await leaseEnds(store)
            expect(await seal(store, 'twin')).toBe('done')
          }
          return rows
        },
      },
    } as Store
    expect(await seal(slow, 'slow')).toBe('busy')
    expect(isPaused).toBe(true)
    expect(await whole(database)).toMatchObject({ fault: null, checkedCount: 30 })
    expect(await database.rows(Prisma.sql`SELECT * FROM "AuditSeal"`)).toHaveLength(1)
    await trail.close()
  })

  it('is one of many that race, and the chain is one', async () => {
    const trail = await openTrail(dialect)
    const stores = [trail.store]
    if (dialect === 'postgresql') stores.push(await openOn(trail.url), await openOn(trail.url))
    for (let round = 0; round < 4; round++) {
      await write(trail.store, 40)
      await leaseEnds(trail.store)
      await Promise.all(Array.from({ length: 6 }, (_, i) => seal(stores[i % stores.length]!, `sealer ${round} ${i}`)))
    }
    await leaseEnds(trail.store)
    await seal(trail.store, 'the last')
    expect((await chainRead(trail.store.database)).chain!.sealedThrough).toBe(160)
    expect(await whole(trail.store.database)).toMatchObject({ fault: null, checkedCount: 160, unsealedCount: 0 })
    for (const store of stores.slice(1)) await store.close()
    await trail.close()
  })
})
