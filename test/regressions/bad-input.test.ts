import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url')
const ID = '0198c2aa-0000-7000-8000-000000000000'

describe.each(dialects())('what no client of good will sends, on %s', (dialect) => {
  let world: World
  let ada: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    ada = await world.user('ada')
  })
  afterAll(() => world.close())

  const tasks = async (args: object) => {
    const { errors } = await world.ask(
      'query ($after: String, $orderBy: [TaskOrder!], $filter: TaskFilter) { tasks(after: $after, orderBy: $orderBy, filter: $filter) { totalCount nodes { id } } }',
      { ...args },
      ada,
    )
    return errors?.map((error) => error.extensions.code)
  }

  it('an input in which something is wrong is not repeated to whoever sent it, with what is secret beside it', async () => {
    const secret = 'sk-a-secret-of-some-length'
    const told = async (type: string, field: string, input: object, user?: TestUser) => {
      const { errors } = await world.ask(`mutation ($input: ${type}!) { ${field}(input: $input) { userErrors { code } } }`, { input }, user)
      expect(JSON.stringify(errors)).not.toContain(secret)
      return errors!.map(({ message, extensions }) => [extensions.code, message])
    }
    const provider = (input: object) => told('ModelProviderCreateInput', 'modelProviderCreate', input, ada)
    expect(await told('UserRegisterInput', 'userRegister', { password: secret })).toEqual([
      ['BAD_USER_INPUT', 'Variable "$input" got invalid value; Field "email" of required type "String!" was not provided.'],
    ])
    expect(await provider({ name: 'x', kind: 'OLLAMA', apikey: secret })).toEqual([
      ['BAD_USER_INPUT', 'Variable "$input" got invalid value; Field "apikey" is not defined by type "ModelProviderCreateInput". Did you mean "apiKey"?'],
    ])
    expect(await provider({ name: 'x', kind: 'NOPE', apiKey: { [secret]: secret } })).toEqual([
      ['BAD_USER_INPUT', 'Variable "$input" got invalid value at "input.apiKey"; String cannot represent a non string value.'],
      ['BAD_USER_INPUT', 'Variable "$input" got invalid value at "input.kind"; Value "NOPE" does not exist in "ModelProviderKind" enum.'],
    ])
    const { errors } = await world.ask('query ($first: Int, $id: ID!) { tasks(first: $first) { totalCount } task(id: $id) { id } }', { first: 'many' }, ada)
    expect(errors!.map(({ message }) => message)).toEqual([
      'Variable "$first" got invalid value; Int cannot represent non-integer value.',
      'Variable "$id" of required type "ID!" was not provided.',
    ])
  })

  it.each([1e300, 3e9, -(2 ** 31), 1.5, '1', null])('a cursor that holds %s where a list has a whole number is refused', async (value) => {
    expect(await tasks({ orderBy: [{ field: 'PRIORITY' }], after: forged('+priority,+id', value, ID) })).toEqual(['BAD_USER_INPUT'])
  })

  it('a cursor with a whole number is not', async () => {
    expect(await tasks({ orderBy: [{ field: 'PRIORITY' }], after: forged('+priority,+id', -1000, ID) })).toBeUndefined()
  })

  it.each([
    ['empty parts', { and: Array(201).fill({}) }],
    ['parts that always hold', { or: Array(1000).fill({ not: {} }) }],
    ['conditions without values', { or: Array(150).fill({ type: { isNull: true, ne: 'x' } }) }],
    ['values', { type: { in: Array(1001).fill('x') } }],
  ])('a filter of too many %s is refused', async (_what, filter) => {
    expect(await tasks({ filter })).toEqual(['BAD_USER_INPUT'])
  })

  it('a filter as large as it may be is answered', async () => {
    expect(await tasks({ filter: { or: Array(99).fill({ type: { isNull: true } }) } })).toBeUndefined()
    expect(await tasks({ filter: { not: { or: Array(197).fill({}) } } })).toBeUndefined()
    expect(await tasks({ filter: { type: { in: Array(1000).fill('x') } } })).toBeUndefined()
  })

  it('an order of more than five terms is refused', async () => {
    expect(await tasks({ orderBy: Array(5).fill({ field: 'TYPE' }) })).toBeUndefined()
    expect(await tasks({ orderBy: Array(6).fill({ field: 'TYPE' }) })).toEqual(['BAD_USER_INPUT'])
  })

  it.each(['2026-02-30T00:00:00Z', '2025-02-29T12:00:00+01:00', '2026-04-31T00:00:00Z'])('%s is no day', async (gte) => {
    expect(await tasks({ filter: { createdAt: { gte } } })).toEqual(['BAD_USER_INPUT'])
  })

  it('the 29th of February is one in 2028', async () => {
    expect(await tasks({ filter: { createdAt: { gte: '2028-02-29T23:59:59.123456789-23:00' } } })).toBeUndefined()
  })

  it('a message with a field that nobody knows is refused with its place', async () => {
    const params = { messages: [{ role: 'user', content: 'hello', images: [] }] }
    expect(
      await world.refused(
        'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { userErrors { code path message } } }',
        { input: { type: 'text.generate', params } },
        ada,
      ),
    ).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'params', 'messages', '0', 'images'] }])
  })
})
