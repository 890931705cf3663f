import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { streamsOpen } from '../streams/stream-open.ts'
import type { Known } from './creations-references.ts'
import { isFinalTask } from './task.ts'
import type { TaskMade } from './task-create.ts'
import { taskIn } from './task-move.ts'
import type { Prepared } from './task-prepare.ts'
import { taskUnique, uniqueKey } from './task-unique.ts'
import { tasksInsert } from './tasks-insert.ts'
import { inOrder } from './waiting-graph.ts'

/**
 * Writes many tasks down that were found to be without fault, with what they wait for among each other and among what is there
 * already. None refers to one that is unique, for that may turn out to be another.
 */
export async function creationsWrite(work: Work, creations: readonly Prepared[], known: Known): Promise<Map<Prepared, TaskMade>> {
  const { made, twins } = await uniqueOnes(work, creations)
  const fresh = parentsFirst(creations.filter((prepared) => !made.has(prepared) && !twins.has(prepared)))
  const edges = fresh.flatMap((prepared) => edgesOf(prepared, known))
  const waitingFor = new Map<string, number>()
  for (const { taskId, isPending } of edges) if (isPending) waitingFor.set(taskId, (waitingFor.get(taskId) ?? 0) + 1)
  const tasks = await tasksInsert(
    work,
    fresh.map((prepared) => ({ ...prepared, waitingFor: waitingFor.get(prepared.id) ?? 0 })),
  )
  for (const [i, prepared] of fresh.entries()) made.set(prepared, { task: tasks[i]!, isDuplicate: false })
  await edgesWrite(work, edges)
  await streamsOpen(
    work,
    fresh.filter(({ streams }) => streams).map(({ id, ownerId, stream }) => ({ taskId: id, ...stream, producer: { taskId: id, attempt: null, ownerId } })),
  )
  for (const [twin, first] of twins) made.set(twin, { ...made.get(first)!, isDuplicate: true })
  return made
}

/** Unique ones for which there is a task already, and those that are the same work as another of these. */
async function uniqueOnes(work: Work, creations: readonly Prepared[]): Promise<{ made: Map<Prepared, TaskMade>; twins: Map<Prepared, Prepared> }> {
  const made = new Map<Prepared, TaskMade>()
  const twins = new Map<Prepared, Prepared>()
  const first = new Map<string, Prepared>()
  for (const prepared of creations) {
    if (!prepared.unique) continue
    const key = uniqueKey(prepared)
    const known = first.get(key)
    if (known) twins.set(prepared, known)
    else first.set(key, prepared)
  }
  // In the order of their keys, so that two calls never wait for each other in a circle.
  for (const [, prepared] of [...first].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const task = await taskUnique(work, prepared, prepared.unique!.withinSeconds)
    if (task) made.set(prepared, { task, isDuplicate: true })
  }
  return { made, twins }
}

/** A row must be there before those that belong to it; what it waits for may come later. */
function parentsFirst(creations: readonly Prepared[]): Prepared[] {
  const byId = new Map(creations.map((prepared) => [prepared.id, prepared]))
  const order = inOrder(new Map(creations.map(({ id, parentId }) => [id, parentId === undefined ? [] : [parentId]])))
  return order.map((id) => byId.get(id)!)
}

interface Edge {
  taskId: string
  dependsOnId: string
  isPending: boolean
  onFailure: 'CANCEL' | 'RUN'
}

/** What is made just now has not ended; what was there stands as it was found, for it is held. */
const edgesOf = ({ id: taskId, dependsOn = [], onDependencyFailure: onFailure = 'CANCEL' }: Prepared, known: Known): Edge[] =>
  [...new Set(dependsOn)].map((dependsOnId) => {
    const status = known.get(dependsOnId)?.status
    return { taskId, dependsOnId, isPending: status === undefined || !isFinalTask(status), onFailure }
  })

/** SQLite takes 32,766 values in a statement. */
const EDGES_AT_ONCE = 5000

async function edgesWrite(work: Work, edges: readonly Edge[]): Promise<void> {
  for (let done = 0; done < edges.length; done += EDGES_AT_ONCE) {
    const some = edges.slice(done, done + EDGES_AT_ONCE)
    const table = work.sql.table('added', {
      taskId: { kind: 'text', values: some.map(({ taskId }) => taskId) },
      dependsOnId: { kind: 'text', values: some.map(({ dependsOnId }) => dependsOnId) },
      isPending: { kind: 'boolean', values: some.map(({ isPending }) => isPending) },
      onFailure: { kind: 'text', values: some.map(({ onFailure }) => onFailure) },
    })
    await work.execute(Prisma.sql`INSERT INTO "TaskDependency" ("taskId", "dependsOnId", "isPending", "onFailure", "createdAtMs")
      SELECT "taskId", "dependsOnId", "isPending", ${work.sql.asEnum('DependencyFailure', Prisma.sql`"onFailure"`)}, ${work.sql.nowMs} FROM ${table}`)
  }
  const awaited = [...new Set(edges.map(({ dependsOnId }) => dependsOnId))]
  if (awaited.length) await work.execute(Prisma.sql`UPDATE "Task" SET "isAwaited" = TRUE WHERE ${taskIn(work, awaited)} AND NOT "isAwaited"`)
}
