/**
 * What `client.tasks` and a dictionary have in common: a Map whose entries are tasks. Its methods are Map's, each a promise; what
 * it holds is at the server, so it is as long as it is, and is read a page at a time.
 */
import { accepted, type Fault, NotFound, Taken } from './errors.ts'
import { follow } from './follow.ts'
import { checkedKey, onceKey, taskIdOf } from './keys.ts'
import type { TaskEventKind, TaskFilter } from './schema.ts'
import type { Transport } from './transport.ts'
import { Watch, type WatchOptions } from './watch.ts'

/** A task with what its key is made out of. */
export interface Row {
  id: string
  sessionKey: string | null
}

/** A change of a task, as the log tells it. */
export interface TaskChange<T> {
  cursor: string
  occurredAt: string
  kind: TaskEventKind
  taskId: string
  /** As it is now, which may be further on than this change; null once it is deleted. */
  task: T | null
  data: { [name: string]: unknown }
}

/** What every view of tasks needs. */
export interface TaskHost {
  transport: Transport
  /** Whose keys they are. */
  ownerId(): Promise<string>
}

export interface Page<T> {
  tasks: { nodes: T[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }
}

/** Of whole tasks twice as many would cost more than a server allows by default. */
const PAGE = 50
const MAX_KNOWN = 10_000
/** So often somebody else sets and deletes the same key in the very moment, and then something else is wrong. */
const TRIES = 40
const ERRORS = 'userErrors { code message path }'
const CHANGE = 'cursor occurredAt kind taskId data'

export abstract class TaskMap<T extends Row, Value, Change extends { cursor: string }> {
  /** The fields of a task that a value is made of, `id` and `sessionKey` among them. */
  protected abstract readonly fields: string

  /** Ids of tasks that were there. */
  readonly #known = new Set<string>()

  constructor(
    protected readonly host: TaskHost,
    /** Keeps keys of different maps apart. */
    protected readonly name: string,
  ) {}

  /** Which tasks are its entries. */
  protected abstract filter(): Promise<TaskFilter>
  protected abstract valueOf(task: T): Value
  /** Null for what is no change of an entry. */
  protected abstract changeOf(change: TaskChange<T>, key: string): Change | null
  /** How an entry stands as one begins to watch it. */
  protected abstract snapshot(key: string, task: T | null, cursor: string): Change

  /** The value, or undefined. It is a copy that cannot be changed: `set` the changed one. */
  async get(key: string): Promise<Value | undefined> {
    const { task } = await this.host.transport.ask<{ task: T | null }>(`query ($id: ID!) { task(id: $id) { ${this.fields} } }`, { id: await this.idOf(key) })
    if (task) this.#seen(task.id)
    return task ? this.valueOf(task) : undefined
  }

  async has(key: string): Promise<boolean> {
    const { task } = await this.host.transport.ask<{ task: Row | null }>('query ($id: ID!) { task(id: $id) { id } }', { id: await this.idOf(key) })
    return task !== null
  }

  /** Removes the entry, its task with it; whether there was one. A task that runs must be cancelled first. */
  async delete(key: string): Promise<boolean> {
    const input = { id: await this.idOf(key), idempotencyKey: onceKey() }
    try {
      await this.mutate('taskDelete', 'TaskDeleteInput', input)
      return true
    } catch (error) {
      if (error instanceof NotFound) return false
      throw error
    }
  }

  /** Removes all that are there now and do not run. */
  async clear(): Promise<void> {
    const filter = { and: [await this.filter(), { not: { status: { eq: 'RUNNING' as const } } }] }
    const query = `mutation ($input: TaskDeleteManyInput!) { taskDeleteMany(input: $input) { hasMore userErrors { code message path } } }`
    for (let hasMore = true; hasMore; ) {
      const input = { filter, idempotencyKey: onceKey() }
      const answer = await this.host.transport.ask<{ taskDeleteMany: { hasMore: boolean; userErrors: Fault[] } }>(query, { input })
      hasMore = accepted(answer.taskDeleteMany).hasMore
    }
  }

  /** How many entries there are. */
  get size(): Promise<number> {
    return this.filter().then(async (filter) => {
      const query = 'query ($filter: TaskFilter) { tasks(first: 1, filter: $filter) { totalCount } }'
      return (await this.host.transport.ask<{ tasks: { totalCount: number } }>(query, { filter })).tasks.totalCount
    })
  }

  /** In the order in which they were first set, as a Map's. */
  async *keys(): AsyncGenerator<string, void, void> {
    for await (const task of this.#rows<Row>('id sessionKey')) yield await this.keyOf(task)
  }

  async *values(): AsyncGenerator<Value, void, void> {
    for await (const task of this.#rows<T>(this.fields)) yield this.valueOf(task)
  }

  /** Page by page. What is set meanwhile comes at the end; what is deleted before its page is not told. */
  async *entries(): AsyncGenerator<[string, Value], void, void> {
    for await (const task of this.#rows<T>(this.fields)) yield [await this.keyOf(task), this.valueOf(task)]
  }

  [Symbol.asyncIterator](): AsyncGenerator<[string, Value], void, void> {
    return this.entries()
  }

  async forEach(each: (value: Value, key: string, map: this) => unknown): Promise<void> {
    for await (const [key, value] of this.entries()) await each(value, key, this)
  }

  /**
   * Every change of one entry, or of all, each once, in the order of their commits, through broken connections and restarts of the
   * server. Of one entry, how it stands comes first. Of all, from the call on (`await watch.ready`).
   */
  watch(key?: string, options?: WatchOptions): Watch<Change>
  watch(options: WatchOptions): Watch<Change>
  watch(keyOrOptions?: string | WatchOptions, given?: WatchOptions): Watch<Change> {
    const key = typeof keyOrOptions === 'string' ? keyOrOptions : undefined
    const options = given ?? (typeof keyOrOptions === 'object' ? keyOrOptions : {})
    const { after } = options
    const begin = async () => {
      if (after !== undefined) return { cursor: after }
      if (key === undefined) return { cursor: (await this.host.transport.ask<{ eventCursor: string }>('{ eventCursor }')).eventCursor }
      const query = `query ($id: ID!) { eventCursor task(id: $id) { ${this.fields} } }`
      const { eventCursor: cursor, task } = await this.host.transport.ask<{ eventCursor: string; task: T | null }>(query, { id: await this.idOf(key) })
      return { cursor, first: [this.snapshot(key, task, cursor)] }
    }
    const changes = (place: { cursor: string }, signal: AbortSignal) => this.#changes(key, place, signal)
    return new Watch(begin, changes, options.signal)
  }

  /** The id of the entry's task, whether it is there or not: to find it in other queries. */
  async idOf(key: string): Promise<string> {
    return taskIdOf(await this.host.ownerId(), this.name, checkedKey(key))
  }

  /** The key it was set under; where it was not made by a map, its id. */
  protected async keyOf({ id, sessionKey }: Row): Promise<string> {
    return sessionKey !== null && taskIdOf(await this.host.ownerId(), this.name, sessionKey) === id ? sessionKey : id
  }

  protected async mutate(name: string, type: string, input: object): Promise<T | null> {
    const asked = /^task(Create|Update)$/.test(name) ? `task { ${this.fields} }` : ''
    const query = `mutation ($input: ${type}!) { ${name}(input: $input) { ${asked} ${ERRORS} } }`
    const answer = await this.host.transport.ask<{ [name: string]: { task?: T | null; userErrors: Fault[] } }>(query, { input })
    return accepted(answer[name]!).task ?? null
  }

  /**
   * Changes the entry's task (null: there is none), or makes it: whichever there is to do, also where others set or delete it in this
   * moment. What it was when this program saw it last only says what to try first.
   */
  protected async put(id: string, change: () => Promise<T | null>, create: () => Promise<T | null>): Promise<void> {
    let isThere = this.#known.has(id)
    for (let tries = 1; ; tries++) {
      try {
        if (isThere ? await change() : await create()) return this.#seen(id)
        isThere = false
      } catch (error) {
        const isOther = error instanceof NotFound ? !isThere : error instanceof Taken && error.code === 'ID_TAKEN' ? isThere : true
        if (isOther || tries === TRIES) throw error
        isThere = !isThere
      }
    }
  }

  #seen(id: string): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.add(id)
  }

  async *#rows<R>(fields: string): AsyncGenerator<R, void, void> {
    const query = `query ($filter: TaskFilter, $after: String) {
      tasks(filter: $filter, first: ${PAGE}, after: $after, orderBy: [{ field: CREATED_AT, direction: ASC }]) { nodes { ${fields} } pageInfo { hasNextPage endCursor } }
    }`
    const filter = await this.filter()
    for (let after: string | null = null; ; ) {
      const page: Page<R> = await this.host.transport.ask<Page<R>>(query, { filter, after })
      yield* page.tasks.nodes
      if (!page.tasks.pageInfo.hasNextPage) return
      after = page.tasks.pageInfo.endCursor
    }
  }

  async *#changes(key: string | undefined, place: { cursor: string }, signal: AbortSignal): AsyncGenerator<Change, void, void> {
    const query = `subscription ($filter: TaskFilter, $after: Cursor) { tasksUpdated(filter: $filter, after: $after) { ${CHANGE} task { ${this.fields} } } }`
    const filter = key === undefined ? await this.filter() : { id: { eq: await this.idOf(key) } }
    const variables = () => ({ filter, after: place.cursor })
    for await (const { tasksUpdated: change } of follow<{ tasksUpdated: TaskChange<T> }>(this.host.transport, query, variables, signal)) {
      place.cursor = change.cursor
      const { sessionKey } = change.data as { sessionKey?: string | null }
      const told = this.changeOf(change, key ?? (await this.keyOf({ id: change.taskId, sessionKey: sessionKey ?? null })))
      if (told) yield told
    }
  }
}
