/**
 * Follows a generation with Apollo Client, through broken connections and restarts of the server, without a hole or a repeat.
 *
 *   node --import tsx examples/apollo.ts        (settings: HOLDFAST_URL, HOLDFAST_EMAIL, HOLDFAST_PASSWORD, PROMPT)
 */
import { randomUUID } from 'node:crypto'
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, type OperationVariables, type TypedDocumentNode } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { RetryLink } from '@apollo/client/link/retry'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { createClient } from 'graphql-ws'
import { defer, map, type Observable, retry, takeWhile, throwError, timer } from 'rxjs'
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

// Apollo's WebSocket link looks for the global one, which Node has from version 22 on.
globalThis.WebSocket ??= WebSocket as never

let authorization = ''
const sockets = createClient({
  url: endpoint.replace('http', 'ws'),
  webSocketImpl: WebSocket,
  connectionParams: () => ({ authorization }), // asked at every connection, so that it is always the newest token
  retryAttempts: 0, // `following` below does that: it alone knows where to go on
})
const http = ApolloLink.from([
  new RetryLink({ attempts: { max: 60 }, delay: { initial: 300, max: 2000 } }), // only where no answer came
  new SetContextLink(({ headers }) => ({ headers: { ...headers, ...(authorization && { authorization }) } })),
  new HttpLink({ uri: endpoint }),
])
const client = new ApolloClient({
  link: ApolloLink.split(({ operationType }) => operationType === 'subscription', new GraphQLWsLink(sockets), http),
  cache: new InMemoryCache(),
})

/** A subscription that outlives its connection: whenever that breaks it is opened again, with the variables of that moment. */
const following = <Data, Variables extends OperationVariables>(query: TypedDocumentNode<Data, Variables>, variables: () => Variables): Observable<Data> =>
  defer(() => client.subscribe<Data>({ query, variables: variables(), fetchPolicy: 'no-cache' })).pipe(
    map(({ data, error }) => {
      if (error) throw error
      return data as Data
    }),
    retry({ delay: (error) => (isRefused(error) ? throwError(() => error) : timer(500)) }),
  )

/** The server answered and will not change its mind: a GraphQL error, or 4401/4403, for which one logs in again. */
const isRefused = (error: { code?: number }) => CombinedGraphQLErrors.is(error) || error.code === 4401 || error.code === 4403

// ---- The program: log in, start a task, follow its events, and each stream that they tell of.

async function logIn(): Promise<void> {
  const variables = { email: HOLDFAST_EMAIL, password: HOLDFAST_PASSWORD }
  let answer = (await client.mutate({ mutation: REGISTER, variables })).data!.userRegister
  if (answer.userErrors[0]?.code === 'EMAIL_TAKEN') answer = (await client.mutate({ mutation: LOG_IN, variables })).data!.sessionCreate
  authorization = `Bearer ${accepted(answer).tokens!.accessToken}`
}

const pieces = new Map<string, string>()
let dropped = false

async function followStream(streamId: string): Promise<void> {
  let lastSeq = -1
  pieces.set(streamId, '')
  await following(WORDS, () => ({ streamId, afterSeq: lastSeq })).forEach(({ streamChunks: update }) => {
    lastSeq = update.lastSeq
    pieces.set(streamId, pieces.get(streamId) + update.text)
    process.stdout.write(update.text)
    if (lastSeq >= 3 && !dropped) {
      dropped = true
      console.log(`\n[the connection is dropped on purpose, after seq ${lastSeq}]`)
      sockets.terminate()
    }
  })
}

await logIn()
// The key makes it harmless to send this again when no answer came: there is one task, whatever happens.
const params = { prompt: PROMPT, maxOutputTokens: 120 }
const created = accepted((await client.mutate({ mutation: GENERATE, variables: { key: randomUUID(), params } })).data!.taskCreate)
const taskId = created.task.id
let cursor = created.eventCursor
let streams = Promise.resolve()

await following(TASK, () => ({ id: taskId, after: cursor }))
  .pipe(takeWhile(({ taskUpdated }) => !isFinal(taskUpdated.toStatus), true))
  .forEach(({ taskUpdated: event }) => {
    cursor = event.cursor
    console.log(`\n[task: ${event.kind}${event.toStatus ? `, ${event.toStatus}` : ''}, attempt ${event.data.attempt}]`)
    // A new attempt (after a crash of the server, or a failure) writes a new stream; the one before ends INTERRUPTED or FAILED.
    const { streamId } = event.data
    if (streamId && !pieces.has(streamId)) streams = streams.then(() => followStream(streamId))
  })
await streams

// ---- What was put together from pieces is what the server keeps.

const { task } = (await client.query({ query: RESULT, variables: { id: taskId } })).data!
const differing = task.streams.nodes.filter((stream) => pieces.get(stream.id) !== stream.text)
for (const { id, status, text } of task.streams.nodes) console.log(`[${id} ${status}: ${text.length} characters]`)
console.log(differing.length ? 'DIFFERENT: the pieces are not the text.' : `The same: the pieces are the text. The task is ${task.status}. ${task.error ?? ''}`)
process.exitCode = differing.length || task.status !== 'COMPLETED' ? 1 : 0
await sockets.dispose()
client.stop()
