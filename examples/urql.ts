/**
 * Follows a generation with urql, through broken connections and restarts of the server, without a hole or a repeat.
 *
 *   node --import tsx examples/urql.ts        (settings: HOLDFAST_URL, HOLDFAST_EMAIL, HOLDFAST_PASSWORD, PROMPT)
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyVariables, Client, type CombinedError, fetchExchange, type OperationResult, subscriptionExchange, type TypedDocumentNode } from '@urql/core'
import { createClient } from 'graphql-ws'
import { toAsyncIterable } from 'wonka'
import WebSocket from 'ws'
import { accepted, GENERATE, isFinal, LOG_IN, REGISTER, RESULT, TASK, WORDS } from './operations.ts'

const {
  HOLDFAST_URL = 'http://127.0.0.1:4000',
  HOLDFAST_EMAIL = 'ada@example.com',
  HOLDFAST_PASSWORD = 'correct horse battery staple',
  PROMPT = 'Write three sentences about the sea.',
} = process.env
const endpoint = new URL('/graphql', HOLDFAST_URL).href

// ---- The client: HTTP for queries and mutations, one WebSocket for all subscriptions.

let authorization = ''
const sockets = createClient({
  url: endpoint.replace('http', 'ws'),
  webSocketImpl: WebSocket, // browsers, and Node 22, have their own
  connectionParams: () => ({ authorization }), // asked at every connection, so that it is always the newest token
  retryAttempts: 0, // `following` below does that: it alone knows where to go on
})
const client = new Client({
  url: endpoint,
  preferGetMethod: false,
  fetchOptions: () => (authorization ? { headers: { authorization } } : {}),
  exchanges: [
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query: query!, variables: variables as Record<string, unknown> }, sink) }),
      }),
    }),
    fetchExchange,
  ],
})

/** The server answered and will not change its mind: a GraphQL error, or 4401/4403, for which one logs in again. */
const isRefused = ({ graphQLErrors, networkError }: CombinedError): boolean =>
  graphQLErrors.length > 0 || [4401, 4403].includes((networkError as { code?: number } | undefined)?.code ?? 0)

/** The data of a query or mutation, asked again while no answer comes. */
async function answer<Data>(ask: () => PromiseLike<OperationResult<Data>>): Promise<Data> {
  for (let tries = 1; ; tries++) {
    const { data, error } = await ask()
    if (data && !error) return data
    if (!error || isRefused(error) || tries === 60) throw error
    await sleep(500)
  }
}

/** A subscription that outlives its connection: whenever that breaks it is opened again, with the variables of that moment. */
async function* following<Data, Variables extends AnyVariables>(query: TypedDocumentNode<Data, Variables>, variables: () => Variables): AsyncGenerator<Data> {
  for (let broken = true; broken; ) {
    broken = false
    for await (const { data, error } of toAsyncIterable(client.subscription(query, variables()))) {
      if (error && isRefused(error)) throw error
      broken = error !== undefined
      if (broken) break
      yield data!
    }
    if (broken) await sleep(500)
  }
}

// ---- The program: log in, start a task, follow its events, and each stream that they tell of.

async function logIn(): Promise<void> {
  const variables = { email: HOLDFAST_EMAIL, password: HOLDFAST_PASSWORD }
  let payload = (await answer(() => client.mutation(REGISTER, variables))).userRegister
  if (payload.userErrors[0]?.code === 'EMAIL_TAKEN') payload = (await answer(() => client.mutation(LOG_IN, variables))).sessionCreate
  authorization = `Bearer ${accepted(payload).tokens!.accessToken}`
}

const pieces = new Map<string, string>()
let dropped = false

async function followStream(streamId: string): Promise<void> {
  let lastSeq = -1
  pieces.set(streamId, '')
  for await (const { streamChunks: update } of following(WORDS, () => ({ streamId, afterSeq: lastSeq }))) {
    lastSeq = update.lastSeq
    pieces.set(streamId, pieces.get(streamId) + update.text)
    process.stdout.write(update.text)
    // urql tells the last result once more when a subscription ends, so the end is taken from the status.
    if (isFinal(update.status)) return
    if (lastSeq >= 3 && !dropped) {
      dropped = true
      console.log(`\n[the connection is dropped on purpose, after seq ${lastSeq}]`)
      sockets.terminate()
    }
  }
}

await logIn()
// The key makes it harmless to send this again when no answer came: there is one task, whatever happens.
const input = { key: randomUUID(), params: { prompt: PROMPT, maxOutputTokens: 120 } }
const created = accepted((await answer(() => client.mutation(GENERATE, input))).taskCreate)
const taskId = created.task.id
let cursor = created.eventCursor
let streams = Promise.resolve()

for await (const { taskUpdated: event } of following(TASK, () => ({ id: taskId, after: cursor }))) {
  cursor = event.cursor
  console.log(`\n[task: ${event.kind}${event.toStatus ? `, ${event.toStatus}` : ''}, attempt ${event.data.attempt}]`)
  // A new attempt (after a crash of the server, or a failure) writes a new stream; the one before ends INTERRUPTED or FAILED.
  const { streamId } = event.data
  if (streamId && !pieces.has(streamId)) streams = streams.then(() => followStream(streamId))
  if (isFinal(event.toStatus)) break
}
await streams

// ---- What was put together from pieces is what the server keeps.

const { task } = await answer(() => client.query(RESULT, { id: taskId }))
const differing = task.streams.nodes.filter((stream) => pieces.get(stream.id) !== stream.text)
for (const { id, status, text } of task.streams.nodes) console.log(`[${id} ${status}: ${text.length} characters]`)
console.log(differing.length ? 'DIFFERENT: the pieces are not the text.' : `The same: the pieces are the text. The task is ${task.status}. ${task.error ?? ''}`)
process.exitCode = differing.length || task.status !== 'COMPLETED' ? 1 : 0
await sockets.dispose()
