/** What the tests of streams ask again and again. */
import { newId } from '../../src/core/ids.ts'
import type { TestUser, World } from '../kit/world.ts'
import { bare, create, openTaskWorld, type TaskWorld } from '../tasks/task.ts'

export { bare, create, openTaskWorld, type TaskWorld }

const ERRORS = 'userErrors { code message path }'
export const STREAM =
  'id status model provider attempt text lastSeq error idempotencyKey createdAt startedAt completedAt leaseExpiresAt chunks(first: 1000) { seq kind content } task { id }'

const mutationOf = (name: string, more = '') =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { stream { ${STREAM} } ${more} eventCursor ${ERRORS} } }`

export const START = mutationOf('streamStart', 'task { id status type params }')
export const OPEN = mutationOf('streamOpen', 'producerToken')
export const APPEND = mutationOf('streamAppend')
export const HEARTBEAT = mutationOf('streamHeartbeat')
export const COMPLETE = mutationOf('streamComplete')
export const FAIL = mutationOf('streamFail')
export const CANCEL = mutationOf('streamCancel')
export const READ = `query ($id: ID!) { stream(id: $id) { ${STREAM} } }`
export const CHUNKS =
  'subscription ($id: ID!, $afterSeq: Int) { streamChunks(streamId: $id, afterSeq: $afterSeq) { chunks { seq content } text lastSeq status stream { status } } }'

export const newStreamId = (): string => `Stream:${newId()}`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

/** A stream that a producer elsewhere writes, and its token. */
export interface Opened {
  id: string
  producerToken: string
}

export async function open(world: World, user: TestUser, input: object = {}): Promise<Opened> {
  const { stream, producerToken } = await world.does(OPEN, { input }, user)
  return { id: stream.id, producerToken }
}

export const texts = (...contents: string[]) => contents.map((content) => ({ content }))

export const append = async (world: World, user: TestUser, stream: Opened, afterSeq: number, ...contents: string[]): Promise<Data> =>
  (await world.does(APPEND, { input: { ...stream, afterSeq, chunks: texts(...contents) } }, user)).stream

export const read = async (world: World, user: TestUser, id: string): Promise<Data> => (await world.ask(READ, { id }, user)).data.stream

/** Everything that a refused mutation must leave as it is. */
export async function stateOf(world: World, globalId: string): Promise<object> {
  const id = bare(globalId)
  const { client } = world
  return {
    stream: await client.stream.findUnique({ where: { id } }),
    chunks: await client.streamChunk.count({ where: { streamId: id } }),
    position: (await client.logHead.findUniqueOrThrow({ where: { id: 1 } })).position,
  }
}

/** Makes the lease of a producer elsewhere run out, by age. */
export const lapse = (world: World, globalId: string) => world.client.$executeRaw`UPDATE "Stream" SET "leaseExpiresAtMs" = 1 WHERE "id" = ${bare(globalId)}`
