/** What a resolver is given. */
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Actor } from '../core/actor.ts'
import type { Client } from '../db/database.ts'
import { type Made, type Once, once } from '../events/once.ts'
import type { Store } from '../events/store.ts'
import { type Committed, reading, transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import type { PasswordHasher } from '../identity/password-hash.ts'
import type { OpenProviders } from '../providers/providers.ts'
import type { Secrets } from '../secrets.ts'
import type { ChunkCommitter } from '../streams/chunk-committer.ts'
import type { StreamHub } from '../streams/stream-hub.ts'
import type { TaskCreator } from '../tasks/task-creator.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import type { Tools } from '../tools/tool.ts'
import type { Embedders } from '../vectors/embedders.ts'

/** The opened parts of one server, shared by all its requests. */
export interface App {
  readonly config: Config
  readonly log: Logger
  readonly store: Store
  readonly secrets: Secrets
  readonly passwords: PasswordHasher
  readonly providers: OpenProviders
  readonly tools: Tools
  readonly embedders: Embedders
  readonly taskTypes: TaskTypes
  readonly creator: TaskCreator
  readonly streams: StreamHub
  readonly chunks: ChunkCommitter
  readonly limits: RateLimits
}

export interface RateLimits {
  /** Counts one use; throws `RateLimited` past the limit. */
  consume(kind: 'request' | 'registration' | 'login', key: string): Promise<void>
}

/** Where a request came from. */
export interface Origin {
  /** Also in the log, and in masked errors. */
  requestId: string
  /** As far as the operator trusts proxies. */
  address: string
  userAgent: string | null
}

export class Context {
  /** The position the log stood at before this operation was executed; read only where it is asked for. */
  eventCursor: string | null = null
  readonly #loaders = new Map<unknown, unknown>()

  constructor(
    readonly app: App,
    readonly actor: Actor,
    readonly origin: Origin,
    /** Aborted when the client leaves, or its right ends. */
    readonly signal: AbortSignal,
    /** `Last-Event-ID` of a client that resumes over SSE. */
    readonly lastEventId: string | null = null,
  ) {}

  get db(): Client {
    return this.app.store.database.client
  }

  /** For operations that only read. */
  get reading(): Work {
    return reading(this.app.store, this.actor)
  }

  transact<T>(operation: (work: Work) => Promise<T>): Promise<Committed<T>> {
    return transact(this.app.store, this.actor, operation)
  }

  once<T extends Made>(options: Once, operation: (work: Work) => Promise<T>): Promise<Committed<T> & { replayed: boolean }> {
    return once(this.app.store, this.actor, options, operation)
  }

  /** One per request and key: for loaders that gather what sibling fields ask. */
  loader<L>(key: unknown, make: () => L): L {
    const known = this.#loaders.get(key) ?? make()
    this.#loaders.set(key, known)
    return known as L
  }

  /** Loads everything anew from here on: a subscription's context lives on, from event to event. */
  forget(): void {
    this.#loaders.clear()
  }
}
