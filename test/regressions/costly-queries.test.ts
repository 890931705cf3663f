import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

/** Short documents that would keep the server busy for many seconds, or fill its memory, at 200,000 rows an owner. */
describe('what a query costs', () => {
  let world: World
  let ada: TestUser
  beforeAll(async () => {
    world = await openWorld('sqlite')
    ada = await world.user('ada')
  })
  afterAll(() => world.close())

  const times = (count: number, field: string) => `{ ${Array.from({ length: count }, (_, i) => `a${i}: ${field}`).join(' ')} }`
  const codes = async (query: string, variables?: Record<string, unknown>) =>
    (await world.ask(query, variables, ada)).errors?.map((error) => error.extensions.code)

  it.each([
    ['figures over all tasks', times(10, 'taskStats { total }')],
    ['filtered lists', times(10, 'tasks(filter: { domain: { ne: "x" } }) { totalCount }')],
    ['ordered lists', times(10, 'tasks(orderBy: [{ field: TYPE }]) { nodes { id } }')],
    ['searches in the log', times(10, 'events(filter: { kind: ["X"] }) { nodes { kind } }')],
    ['pages of long values', times(3, 'tasks(first: 100) { nodes { params } }')],
    ['pages of results', times(3, 'tasks(first: 100) { nodes { result } }')],
    ['pages of texts', times(3, 'streams(first: 100) { nodes { text } }')],
    ['pages of which nothing is asked', times(10, 'tasks(first: 100) { nodes { streams(first: 100) { pageInfo { hasNextPage } } } }')],
  ])('is too much for many %s', async (_what, query) => {
    expect(await codes(query)).toEqual(['QUERY_TOO_COMPLEX'])
  })

  it('counts filters that come in variables, and none where null comes', async () => {
    const query = `query ($filter: TaskFilter) ${times(10, 'tasks(filter: $filter) { totalCount }')}`
    expect(await codes(query, { filter: { domain: { eq: 'x' } } })).toEqual(['QUERY_TOO_COMPLEX'])
    expect(await codes(query, { filter: null })).toBeUndefined()
    expect(await codes(query)).toBeUndefined()
  })

  it.each([
    [
      'a page of tasks with all that they hold',
      '{ tasks(first: 100) { nodes { id type description params result summary error status progress } totalCount } }',
    ],
    ['a page of streams with their texts', '{ streams(first: 100) { nodes { id status text } } }'],
    [
      'a board: figures, the tasks of each status, and the newest',
      `{ taskStats { total } ${['CREATED', 'QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED']
        .map((status) => `${status}: tasks(first: 10, filter: { status: { eq: ${status} } }) { totalCount nodes { id type progress } }`)
        .join(' ')} newest: tasks { nodes { id type status owner { id displayName } streams(first: 2) { nodes { id status } } } } }`,
    ],
  ])('leaves room for %s', async (_what, query) => {
    expect(await codes(query)).toBeUndefined()
  })
})
