/** What the tests of facts ask again and again. */
import { newId } from '../../src/core/ids.ts'
import type { TestUser, World } from '../kit/world.ts'
import { bare } from '../tasks/task.ts'

export const FACT = 'id text tags metadata task { id } message { id } owner { id } createdAt updatedAt'
const SIMILAR = 'fact { id text } likeness isSame'

const mutationOf = (name: string, fields: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} eventCursor userErrors { code message path } } }`

export const CREATE = mutationOf('factCreate', `fact { ${FACT} } similar { ${SIMILAR} }`)
export const CREATE_MANY = mutationOf(
  'factCreateMany',
  `facts { id } similar { index factId likeness isSame } skipped { index userErrors { code path message } }`,
)
export const UPDATE = mutationOf('factUpdate', `fact { ${FACT} } similar { ${SIMILAR} }`)
export const DELETE = mutationOf('factDelete', 'deletedId')
export const READ = `query ($id: ID!) { fact(id: $id) { ${FACT} } }`
export const LIST = `query ($filter: FactFilter, $orderBy: [FactOrder!], $first: Int, $after: String) { facts(filter: $filter, orderBy: $orderBy, first: $first, after: $after) { totalCount nodes { id text } pageInfo { endCursor hasNextPage } } }`
export const EVENTS = `subscription ($filter: FactFilter, $after: Cursor) { factsUpdated(filter: $filter, after: $after) { cursor kind factId fact { id text } data } }`

export const newFactId = (): string => `Fact:${newId()}`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

export const create = async (world: World, user: TestUser, input: object): Promise<Data> => (await world.does(CREATE, { input }, user)).fact
export const read = async (world: World, user: TestUser | string, id: string): Promise<Data> => (await world.ask(READ, { id }, user)).data.fact

/** The texts of the facts that a filter leaves, in the order of the list. */
export async function texts(world: World, user: TestUser, filter?: object, more: object = {}): Promise<string[]> {
  const { data, errors } = await world.ask(LIST, { filter, ...more }, user)
  if (errors) throw new Error(`${errors[0]!.extensions.code}: ${errors[0]!.message}`)
  return data.facts.nodes.map(({ text }: Data) => text)
}

/** Everything that a refused mutation must leave as it is. */
export async function stateOf({ client }: World): Promise<object> {
  return {
    facts: await client.fact.findMany({ include: { tags: true }, orderBy: { id: 'asc' } }),
    items: await client.textItem.count(),
    events: await client.event.count(),
  }
}

/** Kinds of what is told of a fact, in the order of the log. */
export async function kindsOf({ client }: World, id: string): Promise<string[]> {
  return (await client.event.findMany({ where: { subjectId: bare(id) }, orderBy: { position: 'asc' } })).map(({ kind }) => kind.replace('FACT_', ''))
}
