/**
 * The task engine against the queues people use today: pg-boss, graphile-worker and BullMQ, in one run and in turns, on the same
 * PostgreSQL (BullMQ on Redis as well, where one answers). What is timed is in `kit/queue-measures.ts`, the same for all.
 */
import { dialects } from '../test/kit/databases.ts'
import { startChild } from './kit/child.ts'
import { installPeers } from './kit/peers.ts'
import type { Measured, Order } from './kit/queue-measures.ts'
import { type Contestant, type Opened, PEERS, PG_BOSS } from './kit/queue-peers.ts'
import { median, medianRatio, quantile, short, table } from './kit/stats.ts'

const quick = process.argv.includes('--quick')
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? (quick ? 1 : 5))
const JOBS = Number(process.env.BENCH_JOBS ?? (quick ? 2000 : 10_000))
const STARTS = Number(process.env.BENCH_STARTS ?? (quick ? 40 : 200))
/** Names or beginnings of them, separated by semicolons. */
const ONLY = process.env.BENCH_ONLY?.split(';')
const CALLERS = 100

const ORDERS: Order[] = [
  { do: 'drain', jobs: JOBS },
  { do: 'enqueue', jobs: JOBS, callers: CALLERS },
  { do: 'start', warmUp: 20, jobs: STARTS, pauseMs: 30 },
]

const ours = (name: string, dialect: string): Contestant => ({
  name,
  measures: ['drain', 'enqueue', 'start'],
  open: async () => {
    const child = await startChild('bench/queue-ours.ts', { QUEUE_DIALECT: dialect, QUEUE_SETTINGS: '{"concurrency":100}' }, 'queue')
    return { child, close: () => child.stop() }
  },
})
const HOLDFAST = dialects().map((dialect) => (dialect === 'sqlite' ? ours('Holdfast, SQLite FULL', dialect) : ours('Holdfast', dialect)))
const contestants = [...HOLDFAST.reverse(), ...PEERS].filter(({ name }) => !ONLY || ONLY.some((begin) => name.startsWith(begin)))

interface Entrant extends Contestant {
  opened: Opened
  rounds: Measured[]
}

/** What counts of a round: jobs a second, or the median delay. */
const figure = (order: Order) => (measured: Measured) => (order.do === 'start' ? median(measured.delaysMs!) : (order.jobs / measured.ms) * 1000)

async function measure(order: Order, entrants: Entrant[]): Promise<void> {
  for (const entrant of entrants) entrant.rounds = []
  // The first one is for warming up, but where there is only one.
  for (let n = ROUNDS > 1 ? -1 : 0; n < ROUNDS; n++) {
    for (const entrant of entrants) {
      const measured = await entrant.opened.child.ask<Measured | { error: string }>(order)
      if ('error' in measured) throw new Error(`${entrant.name}, ${order.do}: ${measured.error}`)
      if (n >= 0) entrant.rounds.push(measured)
    }
  }
}

function report(order: Order, entrants: Entrant[]): void {
  const figures = (entrant: Entrant) => entrant.rounds.map(figure(order))
  const ratios = (mine: Entrant, other: Entrant | undefined) => (other ? short(medianRatio(figures(mine), figures(other))) : '–')
  const pgBoss = entrants.find(({ name }) => name === PG_BOSS)
  const holdfast = entrants.find(({ name }) => name === 'Holdfast')
  table(
    entrants.map((entrant) => {
      const delays = entrant.rounds.flatMap(({ delaysMs }) => delaysMs ?? [])
      return {
        [order.do]: entrant.name,
        ...(order.do === 'start'
          ? { median: `${short(median(delays))} ms`, p95: `${short(quantile(delays, 0.95))} ms` }
          : { 'jobs/s': short(median(figures(entrant))), 'µs/job': short(median(entrant.rounds.map(({ cpuMs }) => (cpuMs / order.jobs) * 1000))) }),
        'to pg-boss': ratios(entrant, pgBoss),
        'Holdfast to it': holdfast ? ratios(holdfast, entrant) : '–',
      }
    }),
  )
}

if (contestants.some((each) => PEERS.includes(each))) installPeers()
const all: Entrant[] = []
try {
  for (const contestant of contestants) {
    const opened = await contestant.open()
    if (!opened) console.log(`${contestant.name}: there is nothing to run it on.`)
    else {
      all.push({ ...contestant, opened, rounds: [] })
      if (opened.child.ready.durability) console.log(`${contestant.name}: ${opened.child.ready.durability}.`)
    }
  }
  console.log(
    `\n${ROUNDS} rounds of ${JOBS} jobs, ${CALLERS} callers, ${STARTS} starts. µs: processor time of the process that makes or works, not of the database.`,
  )
  for (const order of ORDERS) {
    const entrants = all.filter(({ measures }) => measures.includes(order.do))
    await measure(order, entrants)
    console.log()
    report(order, entrants)
  }
} finally {
  for (const { opened } of all) await opened.close()
}
process.exit()
