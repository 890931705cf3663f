/** What is so at the moment: asked for whenever somebody looks, and at no other time. */
import type { Gauge } from '../core/figures.ts'
import type { Store } from '../events/store.ts'
import type { StreamHub } from '../streams/stream-hub.ts'
import { streamsOpen } from '../streams/streams-open.ts'
import { EVERYBODY } from '../tasks/tally.ts'
import type { TaskRunner } from '../tasks/task-runner.ts'
import { talliedStats } from '../tasks/task-stats.ts'
import { processGauges } from './process-figures.ts'

export interface Watched {
  store: Store
  runner: Pick<TaskRunner, 'running' | 'options'>
  streams: Pick<StreamHub, 'followed'>
}

const STATUSES = ['CREATED', 'QUEUED', 'RUNNING'] as const
/** The types with most tasks are told by name. */
const MOST_TYPES = 60

export async function gaugesOf({ store, runner, streams }: Watched): Promise<Gauge[]> {
  const { database, tail } = store
  const { readers, streams: followed } = streams.followed
  const [tasks, open] = await Promise.all([tasksNow(store), streamsOpen(database)])
  const one = (name: string, help: string, value: number): Gauge => ({ name, help, values: [{ value }] })
  return [
    {
      name: 'holdfast_tasks',
      help: 'Tasks that have not ended, of all servers together: do not add this up over servers.',
      labels: ['type', 'status'],
      values: tasks,
    },
    one('holdfast_tasks_running_here', 'Attempts under way in this server.', runner.running),
    one('holdfast_task_slots', 'How many this server works on at once.', runner.options.concurrency),
    one('holdfast_streams_open', 'Streams that have not ended, of all servers together.', open),
    one('holdfast_streams_followed', 'Streams that somebody reads at this server.', followed),
    one('holdfast_stream_readers', 'Who reads them.', readers),
    { ...one('holdfast_events', 'The place of the newest event in the log.', tail.position), isTotal: true },
    ...poolGauges(store),
    ...processGauges(),
  ]
}

async function tasksNow(store: Store): Promise<Gauge['values']> {
  const { byType } = await talliedStats(store, { ownerIds: [EVERYBODY] })
  const named = byType.slice(0, MOST_TYPES)
  const rest = byType.slice(MOST_TYPES)
  return STATUSES.flatMap((status) => [
    ...named.map(({ type, counts }) => ({ labels: [type, status], value: counts[status] })),
    ...(rest.length ? [{ labels: ['other', status], value: rest.reduce((sum, { counts }) => sum + counts[status], 0) }] : []),
  ])
}

function poolGauges({ database }: Store): Gauge[] {
  const pool = database.pool?.()
  if (!pool) return []
  return [
    {
      name: 'holdfast_database_connections',
      help: 'Connections of the pool, and those who wait for one.',
      labels: ['state'],
      values: [
        { labels: ['busy'], value: pool.open - pool.idle },
        { labels: ['idle'], value: pool.idle },
        { labels: ['awaited'], value: pool.waiting },
      ],
    },
  ]
}
