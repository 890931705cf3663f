/** The client: `import { Holdfast } from 'holdfast/client'`. It runs in browsers, in Node and wherever there is `fetch`. */
import { Dictionary } from './dictionary.ts'
import { Unauthenticated } from './errors.ts'
import { follow } from './follow.ts'
import type { AuthTokens } from './schema.ts'
import { TaskStream } from './task-stream.ts'
import { Tasks } from './tasks.ts'
import { type StreamOptions, TokenStream } from './token-stream.ts'
import { type AskOptions, Transport, type TransportOptions } from './transport.ts'

export { Dictionary, type DictionaryChange } from './dictionary.ts'
export * from './errors.ts'
export type * from './schema.ts'
export { TaskStream } from './task-stream.ts'
export { type TaskGiven, Tasks, type TasksChange } from './tasks.ts'
export { StreamNotCompleted, type StreamOptions, type StreamRestart, TokenStream } from './token-stream.ts'
export type { AskOptions, TransportOptions as HoldfastOptions } from './transport.ts'
export { Watch, type WatchOptions } from './watch.ts'

export class Holdfast {
  /** All tasks you may see, by their ids or by keys of your own. */
  readonly tasks: Tasks
  readonly #transport: Transport
  #owner: Promise<string> | null = null

  constructor(options: TransportOptions) {
    this.#transport = new Transport(options)
    this.tasks = new Tasks(this.#host)
  }

  get #host() {
    return { transport: this.#transport, ownerId: () => this.ownerId() }
  }

  /** Values of your own under keys of your own; another name is another dictionary. All your programs that name it share it. */
  dictionary<V = unknown>(name: string): Dictionary<V> {
    return new Dictionary<V>(this.#host, name)
  }

  /**
   * What a stream says: `for await (const { kind, content } of client.stream(id))`. With `follow: 'task'` it goes on where an attempt is
   * lost, told by a part of the kind RESTART that the next one begins anew.
   */
  stream(id: string, options?: StreamOptions): TokenStream
  stream(id: string, options: StreamOptions & { follow: 'task' }): TaskStream
  stream(id: string, options: StreamOptions & { follow?: 'task' } = {}): TokenStream | TaskStream {
    return options.follow === 'task' ? new TaskStream(this.#transport, id, options) : new TokenStream(this.#transport, id, options)
  }

  /** Any query or mutation of the API. It is asked again while no answer comes where that does no harm: queries, and inputs with an `idempotencyKey`. */
  request<Data>(query: string, variables?: object, options?: AskOptions): Promise<Data> {
    return this.#transport.ask<Data>(query, variables, options)
  }

  /** Any subscription of the API. Whenever the connection breaks it is opened again with the variables of that moment: move their cursor on. */
  async *subscribe<Data>(query: string, variables: () => object = () => ({}), signal?: AbortSignal): AsyncGenerator<Data, void, void> {
    const ending = new AbortController()
    const stop = () => ending.abort()
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop)
    try {
      yield* follow<Data>(this.#transport, query, variables, ending.signal)
    } finally {
      signal?.removeEventListener('abort', stop)
      stop()
    }
  }

  /** Logs in; the tokens are kept, and exchanged in time. */
  login(email: string, password: string): Promise<AuthTokens> {
    this.#owner = null
    return this.#transport.access.login({ email, password })
  }

  register(email: string, password: string, displayName: string): Promise<AuthTokens> {
    this.#owner = null
    return this.#transport.access.register({ email, password, displayName })
  }

  /** Ends the session, here and at the server. */
  async logout(): Promise<void> {
    this.#owner = null
    await this.request('mutation { sessionRevoke(input: {}) { userErrors { code message } } }', {}, { isRepeatable: true })
    this.#transport.access.forget()
  }

  /** Whose tasks and keys these are; asked once. An API key needs the scope ACCOUNT_READ for it. */
  ownerId(): Promise<string> {
    this.#owner ??= this.request<{ viewer: { id: string } | null }>('{ viewer { id } }').then(({ viewer }) => {
      if (!viewer) throw new Unauthenticated([{ code: 'UNAUTHENTICATED', message: 'Log in first, or give an API key.' }])
      return viewer.id
    })
    this.#owner.catch(() => {
      this.#owner = null
    })
    return this.#owner
  }
}
