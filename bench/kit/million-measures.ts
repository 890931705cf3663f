/** What is timed with much and with little in the table. */
import { server } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { lanesOfTypes } from '../../src/tasks/lanes.ts'
import { taskReleaseUnfinished } from '../../src/tasks/task-release.ts'
import { tasksClaim } from '../../src/tasks/tasks-claim.ts'
import { tasksPromote } from '../../src/tasks/tasks-promote.ts'
import { tasksRescue } from '../../src/tasks/tasks-rescue.ts'
import { tasksStop } from '../../src/tasks/tasks-stop.ts'
import type { Measure as MeasureOf } from './compare.ts'
import { TYPES } from './million-fill.ts'
import { asked, type TasksSide as Side } from './million-side.ts'

export type Measure = MeasureOf<Side>

const claim = (limit: number): Measure => ({
  name: `claim of ${limit}`,
  call: async ({ world }) => {
    const claim = { lanes: lanesOfTypes(TYPES), limit, worker: 'bench', kind: 'SERVER' as const, leaseSeconds: 600 }
    const { result } = await transact(world.app.store, server, (work) => tasksClaim(work, claim))
    if (result.length !== limit) throw new Error(`${result.length} were claimed instead of ${limit}.`)
    return result
  },
  undo: ({ world }, claimed) =>
    transact(world.app.store, server, async (work) => {
      for (const lease of claimed as Awaited<ReturnType<typeof tasksClaim>>) await taskReleaseUnfinished(work, lease)
    }),
  calls: limit > 1 ? 3 : 5,
})

const PAGE = '{ edges { node { id type status description priority progress createdAt completedAt } } pageInfo { hasNextPage endCursor } }'
const list = (name: string, args: string, { whose = 'owner', rows = 50 }: { whose?: 'owner' | 'admin'; rows?: number } = {}): Measure => ({
  name: `tasks, ${name}`,
  call: async (side) => {
    const { tasks } = await asked(side, `{ tasks(first: 50${args && `, ${args}`}) ${PAGE} }`, side[whose])
    if (tasks.edges.length !== rows) throw new Error(`${name}: a page of ${tasks.edges.length}.`)
  },
})
const query = (name: string, text: (side: Side) => string, whose: 'owner' | 'admin' = 'owner'): Measure => ({
  name,
  call: (side) => asked(side, text(side), side[whose]),
})

const STATS = '{ total byStatus { status count } completionRate byType { type count } }'
const CREATE = 'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id status } userErrors { code message } } }'

export const MEASURES: readonly Measure[] = [
  claim(1),
  claim(100),
  { name: 'taskCreate', call: ({ world, owner }) => world.does(CREATE, { input: { type: TYPES[0], params: { n: 1 } } }, owner) },
  query('task(id)', ({ taskId }) => `{ task(id: "${taskId}") { id type status description priority createdAt completedAt } }`),
  list('newest', ''),
  list('QUEUED', 'filter: { status: { eq: QUEUED } }'),
  list('FAILED', 'filter: { status: { eq: FAILED } }'),
  list('by type', `filter: { type: { eq: "${TYPES[1]}" } }`),
  list('by type and status', `filter: { type: { eq: "${TYPES[1]}" }, status: { in: [COMPLETED, FAILED] } }`),
  list('by a type it has none of', 'filter: { type: { eq: "text.generate" } }', { rows: 0 }),
  list('by PRIORITY', 'orderBy: [{ field: PRIORITY, direction: DESC }]'),
  list('QUEUED by PRIORITY', 'filter: { status: { eq: QUEUED } }, orderBy: [{ field: PRIORITY, direction: DESC }]'),
  list('everybody’s', '', { whose: 'admin' }),
  list('everybody’s QUEUED', 'filter: { status: { eq: QUEUED } }', { whose: 'admin' }),
  list('everybody’s FAILED', 'filter: { status: { eq: FAILED } }', { whose: 'admin' }),
  list('everybody’s of a type that nobody has', 'filter: { type: { eq: "text.generate" } }', { whose: 'admin', rows: 0 }),
  query('taskStats', () => `{ taskStats ${STATS} }`),
  query('taskStats, by type', () => `{ taskStats(filter: { type: { eq: "${TYPES[1]}" } }) ${STATS} }`),
  query('taskStats, everybody’s', () => `{ taskStats ${STATS} }`, 'admin'),
  { ...query('systemInvariants', () => '{ systemInvariants { name count } }', 'admin'), calls: 1 },
  {
    name: 'sweep',
    call: async ({ world: { app } }) => {
      await transact(app.store, server, (work) => tasksRescue(work))
      await transact(app.store, server, tasksStop)
      await transact(app.store, server, tasksPromote)
    },
  },
]
