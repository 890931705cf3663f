/**
 * Embeds what is pending of a set, batch by batch, until there is nothing more.
 *
 * `listed → embedded … → finished`: each step is one transaction under the task's lease, and says how far it came. Whoever takes over after
 * a kill goes on there; of what was embedded, the batch under way is done again, for nothing of it was kept.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { reading } from '../events/transact.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ProviderFailed } from '../providers/provider-errors.ts'
import type { TaskOutcome, TaskRun, TaskType } from '../tasks/task-type.ts'
import type { Embedder, Embedders } from './embedders.ts'
import { toVectorSetValues, VECTOR_SET_VALUES, type VectorSetValues } from './vector-set.ts'
import { itemSourceOf } from './vector-space.ts'
import { vectorsFinish } from './vectors-finish.ts'
import { vectorsList } from './vectors-list.ts'
import { VECTORS_BUILD, type VectorsBuildParams } from './vectors-order.ts'
import { type PendingItem, vectorsWrite } from './vectors-write.ts'

export interface VectorsBuildHost {
  store: Store
  embedders: Embedders
}

/** What one batch may be: little is lost with it, and it is one call of a provider. */
const BATCH_ITEMS = 64
const BATCH_CHARACTERS = 200_000
/** So often a provider that asks for a moment is asked again before another attempt at the task waits. */
const PATIENCE = { times: 5, ms: 30_000 }

/** `host` is null where the type is only known by name. */
export const vectorsBuild = (host: VectorsBuildHost | null): TaskType<VectorsBuildParams> => ({
  ...VECTORS_BUILD,
  async run(task) {
    if (!host) throw new Error('This needs the database.')
    const set = await take(task)
    if (!set) return { summary: 'There is nothing to be done: the set is gone, or another task has it.' }
    const embedder = await host.embedders.find(set.model, { ownerId: task.ownerId, task: { id: task.id, type: task.type, attempt: task.attempt } })
    while (set.status === 'BUILDING' && !(await task.transact((work) => vectorsList(work, set)))) task.signal.throwIfAborted()
    return embedAll(task, host.store, set, embedder)
  },
})

/** The set, if it is this task's, or nobody's: a task that failed and is tried again takes it up. */
function take(task: TaskRun<VectorsBuildParams>): Promise<VectorSetValues | null> {
  const { setId } = task.params
  return task.transact(async (work) => {
    const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
      UPDATE "VectorSet" SET "taskId" = ${task.id} WHERE "id" = ${setId} AND "ownerId" = ${task.ownerId} AND ("taskId" IS NULL OR "taskId" = ${task.id}) AND "status" <> 'RETIRED'
      RETURNING ${VECTOR_SET_VALUES}`)
    return row ? toVectorSetValues(row) : null
  })
}

async function embedAll(task: TaskRun, store: Store, set: VectorSetValues, embedder: Embedder): Promise<TaskOutcome> {
  const reader = reading(store, server)
  let embedded = 0
  for (;;) {
    task.signal.throwIfAborted()
    const pending = await reader.rows<PendingItem>(
      Prisma.sql`SELECT "itemId", "stamp" FROM "VectorPending" JOIN "VectorSet" ON "VectorSet"."id" = "setId"
        WHERE "setId" = ${set.id} AND "taskId" = ${task.id} AND "status" <> 'RETIRED' ORDER BY "itemId" LIMIT ${BATCH_ITEMS}`,
    )
    if (!pending.length) {
      if (await task.transact((work) => vectorsFinish(work, set, task.id))) return { summary: `Embedded ${embedded} items.`, result: { embedded } }
      continue
    }
    const { batch, vectors } = await embedBatch(task, set, embedder, pending, reader)
    await task.transact((work) => vectorsWrite(work, set, batch, vectors))
    embedded += vectors.size
    const { done, left } = await standing(reader, set.id)
    task.progress(done + left ? done / (done + left) : 1, `${done} of ${done + left} items`)
  }
}

type Reader = ReturnType<typeof reading>

async function embedBatch(task: TaskRun, { space }: VectorSetValues, embedder: Embedder, pending: readonly PendingItem[], reader: Reader) {
  const texts = new Map(
    (
      await itemSourceOf(space).texts(
        reader,
        space,
        pending.map(({ itemId }) => itemId),
      )
    ).map(({ id, text }) => [id, text]),
  )
  const batch: PendingItem[] = []
  let characters = 0
  for (const item of pending) {
    characters += texts.get(item.itemId)?.length ?? 0
    if (batch.length && characters > BATCH_CHARACTERS) break
    batch.push(item)
  }
  // Without a word in it there is nothing that it could mean.
  const said = batch.filter(({ itemId }) => texts.get(itemId)?.trim())
  const vectors = said.length
    ? await patiently(task, () =>
        embedder.embed(
          said.map(({ itemId }) => texts.get(itemId)!),
          task.signal,
        ),
      )
    : []
  return { batch, vectors: new Map(said.map(({ itemId }, i) => [itemId, vectors[i]!])) }
}

async function patiently<T>(task: TaskRun, act: () => Promise<T>): Promise<T> {
  for (let again = 0; ; again++) {
    try {
      return await act()
    } catch (error) {
      task.signal.throwIfAborted()
      const pauseMs = error instanceof ProviderFailed && error.retryable && again < PATIENCE.times ? error.retryAfterMs : null
      if (pauseMs === null || pauseMs > PATIENCE.ms) throw error
      await sleep(pauseMs, undefined, { signal: task.signal })
    }
  }
}

async function standing(reader: Reader, setId: string): Promise<{ done: number; left: number }> {
  const [row] = await reader.rows<{ done: number; left: number }>(
    Prisma.sql`SELECT "items" AS "done", (SELECT COUNT(*) FROM "VectorPending" WHERE "setId" = ${setId}) AS "left" FROM "VectorSet" WHERE "id" = ${setId}`,
  )
  return { done: Number(row?.done ?? 0), left: Number(row?.left ?? 0) }
}
