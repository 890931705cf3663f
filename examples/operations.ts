/** What the programs ask, and what they are answered. A code generator would make this file from schema.graphql. */
import type { TypedDocumentNode } from '@urql/core'
import { parse } from 'graphql'

type UserErrors = { userErrors: { code: string; message: string }[] }
type Authenticated = UserErrors & { tokens: { accessToken: string } | null }
type Login = { email: string; password: string }
type TaskEvent = { cursor: string; kind: string; toStatus: string | null; data: { streamId?: string; attempt: number } }

export const REGISTER = operation<{ userRegister: Authenticated }, Login>(`
  mutation Register($email: String!, $password: String!) {
    userRegister(input: { email: $email, password: $password, displayName: "Example" }) { tokens { accessToken } userErrors { code message } }
  }`)

export const LOG_IN = operation<{ sessionCreate: Authenticated }, Login>(`
  mutation LogIn($email: String!, $password: String!) {
    sessionCreate(input: { email: $email, password: $password }) { tokens { accessToken } userErrors { code message } }
  }`)

export const GENERATE = operation<{ taskCreate: UserErrors & { task: { id: string }; eventCursor: string } }, { key: string; params: object }>(`
  mutation Generate($key: String!, $params: JSON!) {
    taskCreate(input: { type: "text.generate", params: $params, idempotencyKey: $key }) { task { id } eventCursor userErrors { code message } }
  }`)

export const TASK = operation<{ taskUpdated: TaskEvent }, { id: string; after: string }>(`
  subscription Task($id: ID!, $after: Cursor) { taskUpdated(id: $id, after: $after) { cursor kind toStatus data } }`)

export const WORDS = operation<{ streamChunks: { text: string; lastSeq: number; status: string } }, { streamId: string; afterSeq: number }>(`
  subscription Words($streamId: ID!, $afterSeq: Int!) { streamChunks(streamId: $streamId, afterSeq: $afterSeq) { text lastSeq status } }`)

export const RESULT = operation<
  { task: { status: string; error: string | null; streams: { nodes: { id: string; status: string; text: string }[] } } },
  { id: string }
>(`
  query Result($id: ID!) { task(id: $id) { id status error streams { nodes { id status text } } } }`)

export const SEND = operation<{ messageSend: UserErrors & { stream: { id: string } } }, { input: object }>(`
  mutation Send($input: MessageSendInput!) {
    messageSend(input: $input) { stream { id } userErrors { code message } }
  }`)

export const LAST_ANSWER = operation<
  { conversation: { head: { status: string; text: string; error: string | null; stream: { id: string } } } },
  { id: string }
>(`
  query LastAnswer($id: ID!) { conversation(id: $id) { head { id status text error stream { id } } } }`)

/** A final status ends the subscription to a stream; a task's COMPLETED, FAILED and CANCELLED stay until somebody retries it. */
export const isFinal = (status: string | null): boolean => /^(COMPLETED|FAILED|CANCELLED|INTERRUPTED)$/.test(status ?? '')

/** Mutations tell what their caller can mend as data. */
export function accepted<Payload extends UserErrors>(payload: Payload): Payload {
  for (const { code, message } of payload.userErrors) throw new Error(`${code}: ${message}`)
  return payload
}

function operation<Data, Variables>(text: string): TypedDocumentNode<Data, Variables> {
  return parse(text)
}
