/** What the tests of search ask again and again. */
import type { TestUser, World } from '../kit/world.ts'

export const COLLECTION = 'id name description language settings { chunkWords overlapWords } owner { id } createdAt updatedAt'
export const DOCUMENT =
  'id externalId title content length metadata tags collection { id } createdAt updatedAt chunks { totalCount nodes { id seq startAt endAt text } }'

const mutationOf = (name: string, fields: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} eventCursor userErrors { code message path } } }`

export const CREATE = mutationOf('searchCollectionCreate', `collection { ${COLLECTION} }`)
export const UPDATE = mutationOf('searchCollectionUpdate', `collection { ${COLLECTION} }`)
export const DELETE = mutationOf('searchCollectionDelete', 'deletedId')
export const ADD = mutationOf('searchDocumentAdd', `document { ${DOCUMENT} }`)
export const UPSERT = mutationOf('searchDocumentUpsert', `document { ${DOCUMENT} } outcome`)
export const CHANGE = mutationOf('searchDocumentUpdate', `document { ${DOCUMENT} }`)
export const REMOVE = mutationOf('searchDocumentDelete', 'deletedId')
export const ADD_MANY = mutationOf(
  'searchDocumentAddMany',
  'collection { id } documents { id externalId title } outcomes skipped { index userErrors { code message path } }',
)
export const READ = `query ($id: ID!) { searchDocument(id: $id) { ${DOCUMENT} } }`
export const SEARCH = `query ($input: SearchInput!) { search(input: $input) { totalCount pageInfo { hasNextPage endCursor }
  edges { cursor node { score snippet { text html parts { text isMatch } } chunk { seq text } document { id externalId title } } } } }`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

let named = 0

export const create = async (world: World, user: TestUser, over: object = {}): Promise<Data> =>
  (await world.does(CREATE, { input: { name: `collection ${++named}`, ...over } }, user)).collection

export const add = async (world: World, user: TestUser, collectionId: string, content: string, over: object = {}): Promise<Data> =>
  (await world.does(ADD, { input: { collectionId, content, ...over } }, user)).document

/** What is found, by external ids or else titles. */
export async function found(world: World, user: TestUser, query: string, over: object = {}): Promise<string[]> {
  const { data, errors } = await world.ask(SEARCH, { input: { query, ...over } }, user)
  if (errors) throw new Error(`${errors[0]!.extensions.code}: ${errors[0]!.message}`)
  return data.search.edges.map(({ node }: Data) => node.document.externalId ?? node.document.title)
}

/** Everything that a refused mutation must leave as it is. */
export async function stateOf({ client }: World): Promise<object> {
  return {
    collections: await client.searchCollection.findMany({ orderBy: { id: 'asc' } }),
    documents: await client.searchDocument.findMany({ orderBy: { id: 'asc' } }),
    tags: await client.searchTag.findMany({ orderBy: [{ documentId: 'asc' }, { tag: 'asc' }] }),
    chunks: await client.searchChunk.findMany({ orderBy: { id: 'asc' } }),
    items: await client.textItem.findMany({ orderBy: { row: 'asc' } }),
    imports: await client.searchImport.count(),
    events: await client.event.count(),
  }
}
