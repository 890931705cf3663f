/** What must hold after every history, whatever came between whom. */
import type { LoggedEvent } from '../../../src/events/log.ts'
import { isFinalTask, TASK_MOVES, type TaskValues, TOLD_COLUMNS } from '../../../src/tasks/task.ts'
import type { Told } from './play.ts'
import { KEY_LIMITS } from './steps.ts'

export interface Row extends TaskValues {
  readyAtMs: number | null
  leaseExpiresAtMs: number | null
  [column: string]: unknown
}
export interface Edge {
  taskId: string
  dependsOnId: string
  isPending: boolean
  onFailure: string
}
export interface Attempt {
  taskId: string
  attempt: number
  outcome: string
}
export interface Found {
  events: LoggedEvent[]
  tasks: Row[]
  edges: Edge[]
  attempts: Attempt[]
}

type State = Record<string, unknown>

const valuesOf = (event: LoggedEvent): State =>
  Object.fromEntries(
    TOLD_COLUMNS.map((column) => [column, column === 'id' ? event.subjectId : column === 'ownerId' ? event.ownerId : (event.data[column] ?? null)]),
  )

const fail = (message: string, ...facts: unknown[]): never => {
  throw new Error([message, ...facts.map((fact) => JSON.stringify(fact))].join('\n  '))
}

/** How an attempt that did not end its task is kept, by the event that ended it. */
const OUTCOMES: Record<string, string> = {
  TASK_RETRY_SCHEDULED: 'FAILED',
  TASK_LEASE_LOST: 'LOST',
  TASK_TIMED_OUT: 'TIMED_OUT',
  TASK_RELEASED: 'RELEASED',
  TASK_WAITING: 'WAITED',
}

interface Replayed {
  states: Map<string, State>
  attempts: Map<string, Map<number, string>>
  /** Of each task, the position at which it last ended badly, or was last retried. */
  endedBadly: Map<string, number>
  retried: Map<string, number>
}

/** The log, folded; and what each event says of before it must be what the ones before it say. */
function replay(events: readonly LoggedEvent[]): Replayed {
  const states = new Map<string, State>()
  const attempts = new Map<string, Map<number, string>>()
  const endedBadly = new Map<string, number>()
  const retried = new Map<string, number>()
  for (const event of events) {
    if (event.subjectType !== 'Task') continue
    const id = event.subjectId
    const before = states.get(id)
    const after = valuesOf(event)
    if (event.kind === 'TASK_CREATED') {
      if (before) fail('A task was created twice', event)
      states.set(id, after)
      attempts.set(id, new Map())
      continue
    }
    if (!before) {
      fail('Something is told of a task that is not there', event)
      continue
    }
    if (event.kind === 'TASK_AGED') {
      states.set(id, after)
      continue
    }
    const claims = { ...after, ...(event.data.before as State | undefined) }
    for (const column of TOLD_COLUMNS)
      if (claims[column] !== before[column]) fail(`${event.kind} says that ${column} was ${claims[column]}, and it was ${before[column]}`, before, event)
    if (before.status !== after.status && !TASK_MOVES[before.status as 'QUEUED'][after.status as 'QUEUED']) fail('An illegal move', before, event)
    if (event.kind === 'TASK_DELETED') {
      states.delete(id)
      attempts.delete(id)
      for (const [child, state] of states) if (state.parentId === id) states.set(child, { ...state, parentId: null })
      continue
    }
    states.set(id, after)
    if (event.kind === 'TASK_STARTED') started(states, before, after)
    const kept = attempts.get(id)!
    if (before.status === 'RUNNING' && OUTCOMES[event.kind]) kept.set(before.attempt as number, OUTCOMES[event.kind]!)
    if (event.kind === 'TASK_QUEUED' && isFinalTask(before.status as 'FAILED')) {
      retried.set(id, event.position)
      const last = before.attempt as number
      if (last > 0 && !kept.has(last)) kept.set(last, before.status as string)
    }
    if (before.status !== after.status && ['FAILED', 'CANCELLED'].includes(after.status as string)) endedBadly.set(id, event.position)
  }
  return { states, attempts, endedBadly, retried }
}

function started(states: ReadonlyMap<string, State>, before: State, after: State): void {
  if (after.attempt !== (before.attempt as number) + 1) fail('An attempt was left out, or begun twice', before, after)
  if ((after.attempt as number) > (after.maxAttempts as number)) fail('One attempt too many', before, after)
  if (before.waitingFor !== 0) fail('A task began though it waits for others', before, after)
  if (after.concurrencyKey === null) return
  const running = [...states.values()].filter((state) => state.status === 'RUNNING' && state.concurrencyKey === after.concurrencyKey).length
  const limit = KEY_LIMITS[after.concurrencyKey as keyof typeof KEY_LIMITS]
  if (running > limit) fail(`${running} run with a key of which ${limit} may`, after)
}

const ENDS = ['COMPLETED', 'FAILED', 'RETRY_SCHEDULED', 'RELEASED', 'WAITING', 'CANCELLED']

/** What workers were told they had done is in the log, once; and no end that a worker makes is there that none was told. */
function everyEndOnce(events: readonly LoggedEvent[], told: Told): void {
  const logged: string[] = []
  for (const { kind, subjectId, data } of events) {
    const word = kind.replace('TASK_', '')
    const before = data.before as State | undefined
    if (!ENDS.includes(word) || before?.status !== 'RUNNING') continue
    // These are the rescue's and the sweep's.
    if (/lease ran out|asked to stop|longer than the task allows/.test(String(data.reason))) continue
    logged.push(`${word} ${subjectId} ${data.attempt}`)
  }
  const expected = [...told.ends].sort()
  logged.sort()
  if (JSON.stringify(logged) !== JSON.stringify(expected)) {
    const twice = (list: string[], of: string[]) => list.filter((each) => list.filter((x) => x === each).length > of.filter((x) => x === each).length)
    fail('What workers were told is not what is in the log', { loggedOnly: twice(logged, expected), toldOnly: twice(expected, logged) })
  }
}

function tableAgrees({ tasks }: Found, { states }: Replayed): void {
  const gone = [...states.keys()].filter((id) => !tasks.some((task) => task.id === id))
  if (gone.length) fail('Tasks are gone that the log knows', gone)
  for (const task of tasks) {
    const state = states.get(task.id)
    if (!state) fail('A task is there that the log does not know', task)
    for (const column of TOLD_COLUMNS)
      if (task[column] !== state![column]) fail(`The log says that ${column} is ${state![column]}, and it is ${task[column]}`, state, task)
  }
}

function attemptsAreKept({ tasks, attempts }: Found, replayed: Replayed): void {
  for (const task of tasks) {
    const kept = attempts.filter((each) => each.taskId === task.id).map(({ attempt, outcome }) => `${attempt} ${outcome}`)
    const expected = [...replayed.attempts.get(task.id)!].map(([attempt, outcome]) => `${attempt} ${outcome}`)
    if (kept.sort().join() !== expected.sort().join()) fail('The attempts that are kept are not those of the log', task, kept, expected)
  }
}

function edgesAgree({ tasks, edges }: Found): void {
  const byId = new Map(tasks.map((task) => [task.id, task]))
  for (const task of tasks) {
    if (isFinalTask(task.status)) continue
    const pending = edges.filter((edge) => edge.taskId === task.id && edge.isPending)
    if (pending.length !== task.waitingFor) fail(`A task waits for ${task.waitingFor}, and has ${pending.length} it waits for`, task, edges)
    for (const edge of edges.filter((each) => each.taskId === task.id)) {
      const on = byId.get(edge.dependsOnId)!
      if (edge.isPending && isFinalTask(on.status)) fail('A task waits for one that has ended', task, edge, on)
      if (edge.onFailure === 'CANCEL' && ['FAILED', 'CANCELLED'].includes(on.status))
        fail('A task goes on though what it depends on did not end well', task, edge, on)
    }
    if (task.readyAtMs !== null && task.status !== 'QUEUED') fail('Ready, and not QUEUED', task)
  }
}

function childrenGoWithTheirParents({ tasks }: Found, { endedBadly, retried }: Replayed): void {
  const byId = new Map(tasks.map((task) => [task.id, task]))
  for (const child of tasks) {
    const parent = child.parentId === null ? undefined : byId.get(child.parentId)
    if (!parent || !['FAILED', 'CANCELLED'].includes(parent.status) || isFinalTask(child.status)) continue
    if ((retried.get(child.id) ?? 0) > endedBadly.get(parent.id)!) continue
    if (child.status !== 'RUNNING' || child.cancelRequestedAtMs === null) fail('A child goes on though its parent did not end well', parent, child)
  }
}

function keysStandForOne(told: Told, { states }: Replayed): void {
  for (const [key, ids] of told.keys) if (ids.size !== 1) fail(`The key ${key} stands for more than one task`, [...ids])
  // Whoever was made after another with the same params was so because that one had been deleted.
  for (const [key, ids] of told.uniques) if (ids.filter((id) => states.has(id)).length > 1) fail(`Of ${key} there are two`, ids)
}

/** Fails where something is wrong. */
export function check(found: Found, told: Told): void {
  const replayed = replay(found.events)
  tableAgrees(found, replayed)
  everyEndOnce(found.events, told)
  attemptsAreKept(found, replayed)
  edgesAgree(found)
  childrenGoWithTheirParents(found, replayed)
  keysStandForOne(told, replayed)
}

/** Once everything was done that could be: what is left waits, through whatever others, for one that nobody has put into the queue. */
export function checkDrained({ tasks, edges }: Found): void {
  const byId = new Map(tasks.map((task) => [task.id, task]))
  const waitsForCreated = (id: string, seen = new Set<string>()): boolean => {
    if (seen.has(id)) return false
    seen.add(id)
    if (byId.get(id)!.status === 'CREATED') return true
    return edges.some((edge) => edge.taskId === id && edge.isPending && waitsForCreated(edge.dependsOnId, seen))
  }
  for (const task of tasks) if (!isFinalTask(task.status) && !waitsForCreated(task.id)) fail('A task is stuck for ever', task, edges, tasks)
}
