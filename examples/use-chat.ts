/**
 * Says something in a conversation the way `useChat` of the AI SDK does, and follows the answer through a broken connection and restarts of the
 * server. A page hands `ConversationTransport` to `useChat({ id: conversationId, transport, resume: true })`.
 *
 *   node --import tsx examples/use-chat.ts        (settings: HOLDFAST_URL, HOLDFAST_EMAIL, HOLDFAST_PASSWORD, PROMPT)
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TypedDocumentNode } from '@urql/core'
import { type ChatTransport, DefaultChatTransport, readUIMessageStream, type UIMessage, type UIMessageChunk } from 'ai'
import { print } from 'graphql'
import { v7 as uuid } from 'uuid'
import { accepted, isFinal, LAST_ANSWER, LOG_IN, REGISTER, SEND } from './operations.ts'

const {
  HOLDFAST_URL = 'http://127.0.0.1:4000',
  HOLDFAST_EMAIL = 'ada@example.com',
  HOLDFAST_PASSWORD = 'correct horse battery staple',
  PROMPT = 'Write three sentences about the sea.',
} = process.env

let authorization = ''

/** The data of a query or mutation, asked again while no answer comes. */
async function ask<Data, Variables>(query: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(new URL('/graphql', HOLDFAST_URL), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      body: JSON.stringify({ query: print(query), variables }),
    }).catch(() => null)
    const answer = (await response?.json().catch(() => null)) as { data?: Data; errors?: { message: string }[] } | null
    if (answer?.errors) throw new Error(answer.errors[0]!.message)
    if (answer?.data) return answer.data
    if (tries === 60) throw new Error(`No answer from ${HOLDFAST_URL}.`)
    await sleep(500)
  }
}

const lastAnswer = async (conversationId: string) => (await ask(LAST_ANSWER, { id: conversationId })).conversation.head
const addressOf = (streamId: string) => new URL(`/streams/${streamId}/ui`, HOLDFAST_URL).href

/** A chat is a conversation, by its id. What is said goes there by `messageSend`; the answer comes from its stream. */
class ConversationTransport extends DefaultChatTransport<UIMessage> {
  constructor() {
    super({
      // `open=1`: nothing, where the answer is there already. Its stream is another one when a server was lost and the answer is written anew.
      prepareReconnectToStreamRequest: async ({ id }) => ({
        api: `${addressOf((await lastAnswer(id)).stream.id)}?open=1`,
        headers: { authorization },
      }),
    })
  }

  override async sendMessages({ trigger, chatId, messages, abortSignal }: Parameters<ChatTransport<UIMessage>['sendMessages']>[0]) {
    if (trigger !== 'submit-message') throw new Error('Another try is made by messageRegenerate, which this example leaves out.')
    const { id: key, parts } = messages.at(-1)!
    const text = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('')
    const where = messages.length === 1 ? { conversation: { id: chatId } } : { conversationId: chatId }
    // The message's own id as the key: sent again, because no answer came, it is still said once.
    const { stream } = accepted((await ask(SEND, { input: { ...where, text, idempotencyKey: key } })).messageSend)
    return this.read(stream.id, abortSignal)
  }

  /** A stream from its beginning, also one that has ended. */
  async read(streamId: string, signal?: AbortSignal): Promise<ReadableStream<UIMessageChunk>> {
    const response = await fetch(addressOf(streamId), { headers: { authorization }, ...(signal && { signal }) })
    if (!response.ok) throw new Error(await response.text())
    return this.processResponseStream(response.body!)
  }
}

// ---- The program: log in, say it, and show what comes.

async function logIn(): Promise<void> {
  const login = { email: HOLDFAST_EMAIL, password: HOLDFAST_PASSWORD }
  let payload = (await ask(REGISTER, login)).userRegister
  if (payload.userErrors[0]?.code === 'EMAIL_TAKEN') payload = (await ask(LOG_IN, login)).sessionCreate
  authorization = `Bearer ${accepted(payload).tokens!.accessToken}`
}

const textOf = ({ parts }: UIMessage) => parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('')

let shown = { streamId: '', text: '', isWhole: false }
const connection = new AbortController()

/** Shows a message as it grows. It comes from its beginning every time, so what was shown before is left out. */
async function show(stream: ReadableStream<UIMessageChunk>): Promise<void> {
  for await (const message of readUIMessageStream({ stream, terminateOnError: true })) {
    const text = textOf(message)
    if (message.id !== shown.streamId) shown = { streamId: message.id, text: '', isWhole: false }
    if (text.length > shown.text.length) {
      process.stdout.write(text.slice(shown.text.length))
      shown.text = text
    }
    if (text.length >= 20 && !connection.signal.aborted) {
      console.log(`\n[the connection is dropped on purpose, after ${text.length} characters]`)
      connection.abort()
    }
  }
  shown.isWhole = true
}

await logIn()
const transport = new ConversationTransport()
const chatId = `Conversation:${uuid()}`
const message: UIMessage = { id: uuid(), role: 'user', parts: [{ type: 'text', text: PROMPT }] }
const said = transport.sendMessages({ trigger: 'submit-message', chatId, messageId: undefined, messages: [message], abortSignal: connection.signal })
await said.then(show).catch((error: Error) => console.log(`\n[cut: ${error.message}]`))

// Wherever that ended: as long as the answer may grow, go on with its stream.
let answer = await lastAnswer(chatId)
for (; !isFinal(answer.status); answer = await lastAnswer(chatId)) {
  try {
    const stream = await transport.reconnectToStream({ chatId })
    if (!stream) await sleep(200)
    else {
      console.log('\n[resumed]')
      await show(stream)
    }
  } catch (error) {
    console.log(`\n[cut: ${(error as Error).message}]`)
    await sleep(500)
  }
}

// It may have ended while nobody looked; its stream can still be read.
if (answer.status === 'COMPLETED' && !(shown.isWhole && shown.streamId === answer.stream.id)) await show(await transport.read(answer.stream.id))

// ---- What was put together from pieces is what the server keeps.

console.log(`\n[${answer.stream.id} ${answer.status}: ${answer.text.length} characters]`)
const isSame = shown.text === answer.text
console.log(isSame ? `The same: the pieces are the text. The answer is ${answer.status}. ${answer.error ?? ''}` : 'DIFFERENT: the pieces are not the text.')
process.exitCode = isSame && answer.status === 'COMPLETED' ? 0 : 1
