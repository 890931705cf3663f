/** What the tests of conversations ask again and again. */
import { newId } from '../../src/core/ids.ts'
import type { TestUser, World } from '../kit/world.ts'
import { bare } from '../tasks/task.ts'

export const MESSAGE = `id role status agent depth text parts { type text callId name input output isError data } inputTokens outputTokens responseTimeMs toolsInvoked provider model
  finishReason error history { sent dropped remembered } createdAt completedAt conversation { id } parent { id } insteadOf { id } stream { id status text } task { id status params }`
export const CONVERSATION = `id title agent sessionKey system model settings { temperature maxOutputTokens tools fallbackModels memory history } metadata archivedAt createdAt updatedAt owner { id } task { id }
  forkedFrom { id } forkedAt { id } head { id }`

const mutationOf = (name: string, fields: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} eventCursor userErrors { code message path } } }`
const TURN = `conversation { ${CONVERSATION} } message { ${MESSAGE} } answer { ${MESSAGE} } stream { id status message { id } } task { id type status params }`

export const CREATE = mutationOf('conversationCreate', `conversation { ${CONVERSATION} }`)
export const UPDATE = mutationOf('conversationUpdate', `conversation { ${CONVERSATION} }`)
export const ARCHIVE = mutationOf('conversationArchive', `conversation { ${CONVERSATION} }`)
export const UNARCHIVE = mutationOf('conversationUnarchive', `conversation { ${CONVERSATION} }`)
export const DELETE = mutationOf('conversationDelete', 'deletedId')
export const FORK = mutationOf('conversationFork', `conversation { ${CONVERSATION} }`)
export const SELECT = mutationOf('conversationSelect', `conversation { ${CONVERSATION} }`)
export const SEND = mutationOf('messageSend', TURN)
export const EDIT = mutationOf('messageEdit', TURN)
export const REGENERATE = mutationOf('messageRegenerate', TURN)
export const READ = `query ($id: ID!) { conversation(id: $id) { ${CONVERSATION} } }`
export const EVENTS = `subscription ($id: ID!, $after: Cursor) { conversationUpdated(id: $id, after: $after) { cursor kind conversationId conversation { head { id } } message { id status text } data } }`

export const newConversationId = (): string => `Conversation:${newId()}`
export const newMessageId = (): string => `Message:${newId()}`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

export const create = async (world: World, user: TestUser, input: object = {}): Promise<Data> => (await world.does(CREATE, { input }, user)).conversation
export const read = async (world: World, user: TestUser, id: string): Promise<Data> => (await world.ask(READ, { id }, user)).data.conversation
export const send = (world: World, user: TestUser, input: object): Promise<Data> => world.does(SEND, { input }, user)
export const message = async (world: World, user: TestUser, id: string): Promise<Data> =>
  (await world.ask(`query ($id: ID!) { node(id: $id) { ... on Message { ${MESSAGE} } } }`, { id }, user)).data.node

/** The texts on the way to the head, the first one first. */
export async function textsOf(world: World, user: TestUser, id: string): Promise<string[]> {
  const { data } = await world.ask('query ($id: ID!) { conversation(id: $id) { messages(first: 100) { nodes { text } } } }', { id }, user)
  return data.conversation.messages.nodes.map(({ text }: Data) => text)
}

/** Resolves once the message fulfils the condition; a look at how it stands is the first. */
export async function whenMessage(world: World, user: TestUser, id: string, condition: (message: Data) => boolean): Promise<Data> {
  const { conversation } = await message(world, user, id)
  const live = await world.follow(EVENTS, { id: conversation.id }, user)
  for (;;) {
    await live.take()
    const now = await message(world, user, id)
    if (!condition(now)) continue
    await live.stop()
    return now
  }
}

export const whenStatus = (world: World, user: TestUser, id: string, ...statuses: string[]): Promise<Data> =>
  whenMessage(world, user, id, ({ status }) => statuses.includes(status))

/** Says something, and waits for the answer. */
export async function turn(world: World, user: TestUser, input: object): Promise<Data> {
  const sent = await send(world, user, input)
  return { ...sent, answer: await whenStatus(world, user, sent.answer.id, 'COMPLETED') }
}

/** Everything that a refused mutation must leave as it is. */
export async function stateOf(world: World): Promise<object> {
  const { client } = world
  return {
    conversations: await client.conversation.findMany({ orderBy: { id: 'asc' } }),
    messages: await client.message.findMany({ orderBy: { id: 'asc' } }),
    tasks: await client.task.findMany({ select: { id: true, status: true, cancelRequestedAtMs: true }, orderBy: { id: 'asc' } }),
    streams: await client.stream.count(),
    events: await client.event.count(),
  }
}

/** Kinds of what is told of a conversation, in the order of the log. */
export async function kindsOf(world: World, id: string): Promise<string[]> {
  const events = await world.client.event.findMany({ where: { subjectId: bare(id), subjectType: 'Conversation' }, orderBy: { position: 'asc' } })
  return events.map(({ kind }) => kind.replace('CONVERSATION_', ''))
}
