/** What a user has in these rooms: the same for everybody, word by word, but for how much there is. */
import { create as createConversation, send, whenMessage } from '../conversations/conversation.ts'
import { CREATE_MANY, create as createFact } from '../facts/fact.ts'
import type { TestUser, World } from '../kit/world.ts'
import { ADD_MANY, create as createCollection } from '../search/search.ts'
import { create as createTask, whenStatus } from '../tasks/task.ts'

export interface Things {
  collection: string
  document: string
  chunk: string
  import: string
  fact: string
  task: string
  conversation: string
  message: string
  entry: string
  apiKey: string
  session: string
  user: string
}

export const NAME = 'notes'
export const MODEL = 'openai/words-64'
const WORDS = ['lantern', 'harbour', 'kettle', 'orchard', 'violin', 'glacier', 'compass']
const ERRORS = 'userErrors { code message path }'
const EMBED = `mutation ($input: SearchCollectionEmbedInput!) { searchCollectionEmbed(input: $input) { collection { id } ${ERRORS} } }`
const EMBED_FACTS = `mutation ($input: FactsEmbedInput!) { factsEmbed(input: $input) { embedding { model } ${ERRORS} } }`
const IMPORT = `mutation ($input: SearchImportCreateInput!) { searchImportCreate(input: $input) { import { id task { id } } ${ERRORS} } }`
const KEY = `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKey { id } secret ${ERRORS} } }`

/** Texts that share their words, each with others of them more often. */
const text = (i: number) => `${`${WORDS[i % 7]} `.repeat(1 + (i % 5))}lantern by the harbour, number ${i}, ${WORDS[(i * 3 + 1) % 7]}`

export async function thingsOf(world: World, user: TestUser, count: number): Promise<Things> {
  const numbers = Array.from({ length: count }, (_, i) => i)
  const { id: collection } = await createCollection(world, user, { name: NAME })
  const documents = numbers.map((i) => ({ externalId: `note-${i}`, title: `Note ${i}`, content: text(i), tags: ['note'] }))
  const added = await world.does(ADD_MANY, { input: { collectionId: collection, documents } }, user)
  const { import: open } = await world.does(IMPORT, { input: { collectionId: collection, format: 'TEXT', text: 'half of a lantern', isLast: false } }, user)
  const { import: done } = await world.does(IMPORT, { input: { collectionId: collection, format: 'TEXT', name: 'a.txt', text: 'a lantern in a file' } }, user)
  await whenStatus(world, user, done.task.id, 'COMPLETED')
  const { id: task } = await createTask(world, user, { type: 'http.request', params: { url: 'http://127.0.0.1/' }, runImmediately: false })
  const { id: conversation } = await createConversation(world, user, { model: 'nobody/nothing' })
  const { message, answer } = await send(world, user, { conversationId: conversation, text: 'a lantern?' })
  await whenMessage(world, user, answer.id, ({ completedAt }) => completedAt !== null)
  const { id: fact } = await createFact(world, user, { text: text(1000), tags: ['note'], taskId: task, messageId: message.id })
  await world.does(CREATE_MANY, { input: { facts: numbers.map((i) => ({ text: text(i), taskId: task, messageId: message.id })) } }, user)
  await world.does(EMBED, { input: { id: collection, model: MODEL } }, user)
  await world.does(EMBED_FACTS, { input: { model: MODEL } }, user)
  await allEmbedded(world, user)
  const { apiKey } = await world.does(KEY, { input: { name: 'key', scopes: ['SEARCH_READ'] } }, user)
  await world.app.audit.flush()
  const { data } = await world.ask(
    `query ($id: ID!) { searchDocument(id: $id) { chunks(first: 1) { nodes { id } } } auditEntries(first: 1) { nodes { id } } sessions(first: 1) { nodes { id } } }`,
    { id: added.documents[0].id },
    user,
  )
  return {
    collection,
    document: added.documents[0].id,
    chunk: data.searchDocument.chunks.nodes[0].id,
    import: open.id,
    fact,
    task,
    conversation,
    message: message.id,
    entry: data.auditEntries.nodes[0].id,
    apiKey: apiKey.id,
    session: data.sessions.nodes[0].id,
    user: user.id,
  }
}

/** Resolves when no task makes vectors any more. */
async function allEmbedded(world: World, user: TestUser): Promise<void> {
  const live = await world.follow('subscription { tasksUpdated(filter: { type: { eq: "vectors.build" } }) { kind } }', {}, user)
  const isUnderWay = async () =>
    (await world.ask('{ tasks(filter: { type: { eq: "vectors.build" }, status: { in: [CREATED, QUEUED, RUNNING] } }) { totalCount } }', {}, user)).data.tasks
      .totalCount > 0
  while (await isUnderWay()) await live.take()
  await live.stop()
}

/** Everything that a refused mutation must leave as it is. */
export async function stateOf({ app, client }: World): Promise<object> {
  await app.audit.flush()
  const byId = { orderBy: { id: 'asc' } } as const
  return {
    collections: await client.searchCollection.findMany(byId),
    documents: await client.searchDocument.findMany(byId),
    tags: await client.searchTag.findMany({ orderBy: [{ documentId: 'asc' }, { tag: 'asc' }] }),
    chunks: await client.searchChunk.findMany(byId),
    items: await client.textItem.findMany({ orderBy: { row: 'asc' } }),
    imports: await client.searchImport.findMany(byId),
    parts: await client.searchImportPart.count(),
    facts: await client.fact.findMany({ ...byId, include: { tags: true } }),
    sets: await client.vectorSet.findMany(byId),
    vectors: await client.vector.count(),
    pending: await client.vectorPending.count(),
    tasks: await client.task.findMany(byId),
    conversations: await client.conversation.findMany(byId),
    messages: await client.message.findMany(byId),
    apiKeys: await client.apiKey.count(),
    origins: await client.auditOrigin.count(),
    events: await client.event.count(),
  }
}
