/**
 * What is done with a queue and timed, the same way for Holdfast and its peers. Each runs this in a process of its own, and is
 * told by messages. The peers' Node strips the types, so there is nothing here but types to strip.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export interface Queue {
  /** Nothing is in it any more. */
  clear(): Promise<void>
  /** Puts jobs in, numbered from 0, all at once. */
  fill(jobs: number): Promise<void>
  /** Makes one job; resolves when it is acknowledged. */
  create(job: number): Promise<unknown>
  /** Makes a worker ready, which does not begin before `start`; each job calls `begun` when its function begins. */
  worker(purpose: Purpose, begun: (job: number) => void): Promise<Worker>
  /** How many jobs are not recorded as completed. */
  unfinished(): Promise<number>
}

export type Purpose = 'drain' | 'start'

export interface Worker {
  start(): unknown
  stop(): Promise<unknown>
}

export type Order =
  | { do: 'drain'; jobs: number }
  | { do: 'enqueue'; jobs: number; callers: number }
  | { do: 'start'; warmUp: number; jobs: number; pauseMs: number }

export interface Measured {
  ms: number
  /** Of this process. */
  cpuMs: number
  /** From before a job was created to the beginning of its function. */
  delaysMs?: number[]
}

/** How often it is looked whether the last jobs are recorded. */
const LOOK_EVERY_MS = 2

/** Says that it is ready, and then does what it is told. */
export function serve(queue: Queue, about: Record<string, string> = {}): void {
  process.on('message', (order: Order | 'cpu') => {
    if (order === 'cpu') return
    obey(queue, order).then(
      (measured) => process.send?.(measured),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
    )
  })
  process.channel?.ref()
  console.log(JSON.stringify({ queue: 'ready', ...about }))
}

async function obey(queue: Queue, order: Order): Promise<Measured> {
  await queue.clear()
  if (order.do === 'drain') return drain(queue, order.jobs)
  if (order.do === 'enqueue') return enqueue(queue, order.jobs, order.callers)
  return start(queue, order)
}

const cpuMs = (since?: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

/** From the start of the worker to the last job being recorded as completed. */
async function drain(queue: Queue, jobs: number): Promise<Measured> {
  await queue.fill(jobs)
  const seen = new Set<number>()
  let calls = 0
  let allBegun!: () => void
  const lastBegun = new Promise<void>((resolve) => {
    allBegun = resolve
  })
  const worker = await queue.worker('drain', (job) => {
    calls++
    seen.add(job)
    if (seen.size === jobs) allBegun()
  })
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  await worker.start()
  await lastBegun
  while ((await queue.unfinished()) > 0) await sleep(LOOK_EVERY_MS)
  const measured = { ms: performance.now() - startedAt, cpuMs: cpuMs(cpu) }
  await worker.stop()
  if (calls !== jobs) throw new Error(`${jobs} jobs began ${calls} times.`)
  return measured
}

/** So many callers, each with one create under way, until all jobs are made. */
async function enqueue(queue: Queue, jobs: number, callers: number): Promise<Measured> {
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < jobs) await queue.create(next++)
    }),
  )
  const measured = { ms: performance.now() - startedAt, cpuMs: cpuMs(cpu) }
  const made = await queue.unfinished()
  if (made !== jobs) throw new Error(`${made} jobs are there instead of ${jobs}.`)
  return measured
}

/** One job at a time, into a queue that is empty, by the process that works on it. */
async function start(queue: Queue, { warmUp, jobs, pauseMs }: Order & { do: 'start' }): Promise<Measured> {
  let heard: (at: number) => void = () => {}
  const worker = await queue.worker('start', () => heard(performance.now()))
  await worker.start()
  const delaysMs: number[] = []
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  for (let job = 0; job < warmUp + jobs; job++) {
    await sleep(pauseMs)
    const began = new Promise<number>((resolve) => {
      heard = resolve
    })
    const createdAt = performance.now()
    const created = queue.create(job)
    // Whichever comes first: a job may begin before its creator knows that it is there.
    const [beganAt] = await Promise.all([began, created])
    if (job >= warmUp) delaysMs.push(beganAt - createdAt)
  }
  const measured = { ms: performance.now() - startedAt, cpuMs: cpuMs(cpu), delaysMs }
  await worker.stop()
  return measured
}
