import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { entriesOf, sealed, taskCreate, verify } from './audit.ts'
import { tamper } from './store.ts'

const REMOVE = 'mutation ($input: AuditPersonalDataRemoveInput!) { auditPersonalDataRemove(input: $input) { removedCount userErrors { code path message } } }'
const LOGIN = 'mutation ($email: String!) { sessionCreate(input: { email: $email, password: "a wrong one" }) { userErrors { code } } }'

describe.each(dialects())('personal data in the trail on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let ada: TestUser
  let bob: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0', TRUST_PROXY: '1' } })
    admin = await world.user('admin')
    ada = await world.user('ada')
    bob = await world.user('bob')
  })
  afterAll(() => world.close())

  const from = (address: string) => ({ 'x-forwarded-for': address, 'user-agent': 'a client' })
  const addresses = async (filter: object) =>
    (await entriesOf(world, admin, filter)).map(({ address, isPersonalDataRemoved }) => [address, isPersonalDataRemoved])
  const users = (address: string, user: TestUser | null) => world.ask('{ users { nodes { id } } }', {}, user, from(address))

  it('is shared by calls from the same place, so that it is written once', async () => {
    for (let i = 0; i < 5; i++) await users('192.0.2.50', bob)
    await world.app.audit.flush()
    const [row] = await world.app.store.database.rows<{ count: number }>(
      Prisma.sql`SELECT COUNT(*) AS "count" FROM "AuditOrigin" WHERE "address" = '192.0.2.50'`,
    )
    expect(row!.count).toBe(1)
  })

  it('is removed at its user’s request, with failed logins by the user’s address, and the chain still holds', async () => {
    await users('192.0.2.1', ada)
    await users('192.0.2.2', bob)
    await world.ask(LOGIN, { email: ada.email }, null, from('192.0.2.3'))
    await sealed(world)
    expect(await addresses({ userId: { eq: ada.id }, operation: { eq: 'users' } })).toEqual([['192.0.2.1', false]])
    expect((await world.does(REMOVE, { input: {} }, ada)).removedCount).toBeGreaterThanOrEqual(3)
    expect(await addresses({ userId: { eq: ada.id }, operation: { eq: 'users' } })).toEqual([[null, true]])
    const [login] = await entriesOf(world, admin, { code: { eq: 'INVALID_CREDENTIALS' } })
    expect(login).toMatchObject({ email: null, address: null, userAgent: null, isPersonalDataRemoved: true })
    expect((await addresses({ userId: { eq: bob.id }, operation: { eq: 'users' } })).at(-1)).toEqual(['192.0.2.2', false])
    const [left] = await world.app.store.database.rows<{ count: number }>(
      Prisma.sql`SELECT COUNT(*) AS "count" FROM "AuditOrigin" WHERE "address" IN ('192.0.2.1', '192.0.2.3') OR "email" = ${ada.email}`,
    )
    expect(left!.count).toBe(0)
    await sealed(world)
    expect(await verify(world, admin)).toMatchObject({ isIntact: true, unsealedCount: 0 })
  })

  it('is kept anew of what comes afterwards, and what was removed does not come back', async () => {
    await users('192.0.2.1', ada)
    const seen = await addresses({ userId: { eq: ada.id }, operation: { eq: 'users' } })
    expect(seen).toEqual([
      [null, true],
      ['192.0.2.1', false],
    ])
  })

  it('of others is an ADMIN’s to remove: of a user, an email address, or an address', async () => {
    for (const input of [{ userId: bob.id }, { email: bob.email }, { address: '192.0.2.2' }, { userId: `User:${newId()}` }])
      expect((await world.refused(REMOVE, { input }, ada)).map(({ code }) => code)).toEqual(['NOT_FOUND'])
    expect((await addresses({ userId: { eq: bob.id }, operation: { eq: 'users' } })).at(-1)).toEqual(['192.0.2.2', false])
    await world.ask(LOGIN, { email: 'Nobody@example.com' }, null, from('192.0.2.60'))
    await users('192.0.2.61', null)
    await world.app.audit.flush()
    expect((await world.does(REMOVE, { input: { email: 'NOBODY@example.com' } }, admin)).removedCount).toBe(1)
    expect((await world.does(REMOVE, { input: { address: '192.0.2.61' } }, admin)).removedCount).toBe(1)
    expect((await world.does(REMOVE, { input: { userId: bob.id } }, admin)).removedCount).toBeGreaterThan(0)
    expect(new Set((await addresses({ userId: { eq: bob.id }, operation: { eq: 'users' } })).map(([address]) => address))).toEqual(new Set([null]))
    expect((await world.refused(REMOVE, { input: { userId: `User:${newId()}` } }, admin)).map(({ code }) => code)).toEqual(['NOT_FOUND'])
    expect((await world.refused(REMOVE, { input: { userId: bob.id, address: '192.0.2.1' } }, admin)).map(({ code }) => code)).toEqual(['BAD_USER_INPUT'])
    expect((await world.ask(REMOVE, { input: {} })).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  })

  it('is removed once for a key, and the log tells that it was, not what', async () => {
    const input = { idempotencyKey: newId() }
    await taskCreate(world, ada)
    const first = await world.does(REMOVE, { input }, ada)
    expect((await world.does(REMOVE, { input }, ada)).removedCount).toBe(first.removedCount)
    const { data } = await world.ask('{ events(filter: { kind: ["AUDIT_PERSONAL_DATA_REMOVED"] }) { nodes { subjectId data } } }', {}, ada)
    expect(data.events.nodes.at(-1)).toEqual({ subjectId: ada.id, data: { by: 'USER', removed: first.removedCount } })
    await sealed(world)
    expect(await verify(world, admin)).toMatchObject({ isIntact: true })
  })

  it('that was changed in the database shows', async () => {
    await users('192.0.2.77', ada)
    await sealed(world)
    const [entry] = (await entriesOf(world, admin, { userId: { eq: ada.id }, operation: { eq: 'users' } })).slice(-1)
    expect(entry!.address).toBe('192.0.2.77')
    const [origin] = await world.app.store.database.rows<{ digest: string }>(Prisma.sql`SELECT "digest" FROM "AuditOrigin" WHERE "address" = '192.0.2.77'`)
    const change = (address: string) =>
      tamper(world.app.store.database, Prisma.sql`UPDATE "AuditOrigin" SET "address" = ${address} WHERE "digest" = ${origin!.digest}`)
    await change('192.0.2.78')
    expect((await verify(world, admin)).fault).toMatchObject({ kind: 'PERSONAL_DATA_CHANGED', position: entry!.position, entry: { id: entry!.id } })
    await change('192.0.2.77')
    expect(await verify(world, admin)).toMatchObject({ isIntact: true })
  })
})
