/**
 * One attempt at a task in a process of its own, from here.
 *
 *   started → ready (its function runs) → it told an outcome or an error, or had to be ended → gone
 *
 * The first of what it tells, a limit that it broke, and its own end decides. An abort is told to its function; who does not end
 * within the grace is ended, with all it has started.
 */
import type { TaskOutcome, TaskRun } from '../task-type.ts'
import { answerProcess } from './answer-process.ts'
import { readMessage } from './from-process.ts'
import type { FromProcess } from './messages.ts'
import { linesOf, partsOf } from './pipe-parts.ts'
import { diedOf, ProcessFailed } from './process-errors.ts'
import { watchResident } from './resident-watch.ts'
import { type Command, startProcess } from './start-process.ts'
import { hearError } from './told-error.ts'

export interface ProcessLimits {
  /** Of JavaScript's heap, in MB. */
  heapMb: number
  /** Of all its memory that is in RAM, in MB; where the system tells (Linux). */
  residentMb: number
  /** From the moment its function begins. Left out: as long as the task may. */
  seconds?: number | undefined
}

export interface ProcessWork {
  command: Command
  limits: ProcessLimits
  /** The module whose default export is the function. Null: the process knows what to run, and is to tell its outcome and nothing else. */
  module: URL | null
  /** How long it may take to end by itself after an abort; one second. */
  graceMs?: number
  /** Takes what it prints; it has to wait while this is pending. Left out: nothing is done with it. */
  printed?(from: 'stdout' | 'stderr', text: string): Promise<void>
}

const START_WITHIN_MS = 30_000
const GRACE_MS = 1000
/** Between SIGTERM and SIGKILL. Together less than the engine waits for a function that was aborted. */
const TERM_GRACE_MS = 500
/** Between its last word and its end. */
const END_WITHIN_MS = 2000
const MAX_MESSAGE_BYTES = 16_000_000
/** Of one that is trusted with nothing. */
const MAX_CONFINED_BYTES = 1_000_000
const LAST_WORDS = 4000

type Ending = { outcome: TaskOutcome } | { error: unknown }

export async function runInProcess(task: TaskRun, work: ProcessWork): Promise<TaskOutcome> {
  task.signal.throwIfAborted()
  const { id, type, ownerId, attempt, params, signal } = task
  const { limits, graceMs = GRACE_MS } = work
  const endings: Ending[] = []
  const timers: NodeJS.Timeout[] = []
  const after = (ms: number, act: () => void) => void timers.push(setTimeout(act, ms))
  let isReady = false
  let lastWords = ''

  const running = startProcess(work.command)
  const stop = (error: unknown) => {
    endings.push({ error })
    running.kill('SIGKILL')
  }
  const abort = () => {
    running.tell({ kind: 'abort', reason: signal.reason instanceof Error ? signal.reason.message : String(signal.reason) })
    if (graceMs === 0) return running.kill('SIGKILL')
    after(graceMs, () => running.kill('SIGTERM'))
    after(graceMs + TERM_GRACE_MS, () => running.kill('SIGKILL'))
  }
  const answer = work.module && answerProcess(task, running)
  const hear = async (message: FromProcess): Promise<void> => {
    if (message.kind === 'outcome') endings.push({ outcome: message.outcome })
    else if (message.kind === 'failed') endings.push({ error: hearError(message.error) })
    else if (message.kind !== 'ready') await answer?.(message)
    else {
      isReady = true
      const { seconds } = limits
      if (seconds) after(seconds * 1000, () => stop(new ProcessFailed('TIME', `The process of the task took longer than ${seconds} s.`)))
    }
  }
  const listen = async () => {
    for await (const line of linesOf(running.told, work.module ? MAX_MESSAGE_BYTES : MAX_CONFINED_BYTES)) {
      await hear(readMessage(line))
      // That was its last word.
      if (endings.length) return after(END_WITHIN_MS, () => running.kill('SIGKILL'))
    }
  }
  const read = async (from: 'stdout' | 'stderr') => {
    for await (const text of partsOf<string>(running[from].setEncoding('utf8'))) {
      if (from === 'stderr') lastWords = (lastWords + text).slice(-LAST_WORDS)
      await work.printed?.(from, text)
    }
  }

  signal.addEventListener('abort', abort, { once: true })
  after(START_WITHIN_MS, () => isReady || stop(new ProcessFailed('DIED', `The process of the task did not start within ${START_WITHIN_MS / 1000} s.`)))
  const unwatch = watchResident(running.pid, limits.residentMb, () =>
    stop(new ProcessFailed('MEMORY', `The process of the task needed more memory than it may take (${limits.residentMb} MB).`)),
  )
  try {
    running.tell({ kind: 'run', module: work.module?.href ?? null, task: { id, type, ownerId, attempt, params } })
    const heard = Promise.all([listen(), read('stdout'), read('stderr')]).catch(stop)
    const exit = await running.gone
    await heard
    const [ending = { error: signal.aborted ? signal.reason : diedOf(exit, lastWords, limits) }] = endings
    if ('error' in ending) throw ending.error
    return ending.outcome
  } finally {
    signal.removeEventListener('abort', abort)
    unwatch()
    for (const timer of timers) clearTimeout(timer)
  }
}
