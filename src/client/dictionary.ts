/** A dictionary again: values of one's own under keys of one's own, kept as tasks that nobody runs. */
import { checkedJson, frozen } from './json.ts'
import { checkedKey, onceKey } from './keys.ts'
import type { TaskFilter } from './schema.ts'
import { type Row, type TaskChange, type TaskHost, TaskMap } from './task-map.ts'

/** The type of tasks that the server never runs by itself. */
const TYPE = 'value.keep'

interface Kept extends Row {
  params: { value: unknown }
}

export interface DictionaryChange<V> {
  /** Its place in the log: go on behind it with `after`. */
  readonly cursor: string
  readonly key: string
  /** SNAPSHOT: nothing; this is how it stands as one begins to watch. */
  readonly kind: 'SNAPSHOT' | 'SET' | 'DELETED'
  /** As it is now, which may be newer than this change (that is told then); undefined where nothing is there now. */
  readonly value: V | undefined
}

/** Values are what JSON can say, up to 200 kB each; they come back frozen. */
export class Dictionary<V = unknown> extends TaskMap<Kept, V, DictionaryChange<V>> {
  protected readonly fields = 'id sessionKey params'

  constructor(host: TaskHost, name: string) {
    super(host, checkedKey(name))
  }

  /** Puts the value under the key, in the place of what was there. The last one to set it wins, as in a dictionary. */
  async set(key: string, value: V): Promise<this> {
    checkedJson(value)
    const id = await this.idOf(key)
    const params = { value }
    await this.put(
      id,
      () => this.mutate('taskUpdate', 'TaskUpdateInput', { id, params, idempotencyKey: onceKey() }),
      () =>
        this.mutate('taskCreate', 'TaskCreateInput', {
          id,
          type: TYPE,
          domain: this.name,
          sessionKey: key,
          params,
          runImmediately: false,
          idempotencyKey: onceKey(),
        }),
    )
    return this
  }

  protected async filter(): Promise<TaskFilter> {
    // An ADMIN sees everybody's.
    return { type: { eq: TYPE }, domain: { eq: this.name }, ownerId: { eq: await this.host.ownerId() } }
  }

  protected valueOf({ params }: Kept): V {
    return frozen(params.value as V)
  }

  protected snapshot(key: string, task: Kept | null, cursor: string): DictionaryChange<V> {
    return { cursor, key, kind: 'SNAPSHOT', value: task ? this.valueOf(task) : undefined }
  }

  protected changeOf({ cursor, kind, data, task }: TaskChange<Kept>, key: string): DictionaryChange<V> | null {
    const value = task ? this.valueOf(task) : undefined
    if (kind === 'DELETED') return { cursor, key, kind, value }
    const isSet = kind === 'CREATED' || (kind === 'UPDATED' && (data.fields as string[]).includes('params'))
    return isSet ? { cursor, key, kind: 'SET', value } : null
  }
}
