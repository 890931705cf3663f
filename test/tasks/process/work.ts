/** What the tests' processes do: run as the module of `test.process`, each time what `params.does` names. */
import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
import os from 'node:os'
import { DomainError } from '../../../src/core/errors.ts'
import { TO_SERVER } from '../../../src/tasks/process/messages.ts'
import type { ProcessFunction, ProcessTaskRun } from '../../../src/tasks/process/serve-task.ts'

interface Params {
  does: string
  // biome-ignore lint/suspicious/noExplicitAny: each of them knows what it is given
  with?: any
}

class Busy extends DomainError {
  override readonly retryable = true
  readonly retryAfterMs = 600_000
  constructor() {
    super('UNAVAILABLE', 'The other side is busy.')
  }
}

const computeFor = (ms: number) => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const never = () => new Promise<never>(() => setInterval(() => {}, 1000))

const deeds: Record<string, (task: ProcessTaskRun<Params>) => ReturnType<ProcessFunction>> = {
  async introduce({ id, ownerId, attempt, params, signal }) {
    return {
      result: { id, ownerId, attempt, with: params.with, aborted: signal.aborted, pid: process.pid, priority: os.getPriority(), environment: process.env },
      summary: 'Introduced.',
      agentsInvolved: ['somebody'],
    }
  },
  /** Tells and computes without giving the event loop a turn. */
  async compute(task) {
    const stream = await task.openStream({ model: 'none' })
    const { steps, stepMs } = task.params.with
    for (let step = 1; step <= steps; step++) {
      computeFor(stepMs)
      void stream.write('TEXT', `${step} `)
      task.progress(step / (steps + 1), `step ${step}`)
    }
    return { result: { streamId: stream.streamId } }
  },
  async computeForever(task) {
    task.progress(0.5, String(process.pid))
    for (;;);
  },
  async waitForAbort(task) {
    task.progress(0.5, String(process.pid))
    await new Promise((resolve) => task.signal.addEventListener('abort', resolve))
    await (await task.openStream({})).write('TEXT', `ended by itself: ${task.signal.reason.message}`)
    return {}
  },
  async ignoreAbort(task) {
    process.removeAllListeners('SIGTERM').on('SIGTERM', () => {})
    const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("ready")'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => child.stdout!.once('data', resolve))
    task.progress(0.5, `${process.pid} ${child.pid}`)
    await never()
    return {}
  },
  async leaveOneBehind() {
    const { pid } = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
    return { result: { pid } }
  },
  failForNow() {
    throw new Busy()
  },
  failInPrivate() {
    throw new TypeError('password=hunter2')
  },
  async failOutsideItsFunction() {
    setTimeout(() => {
      throw new Error('password=hunter2')
    })
    return never()
  },
  answerWithoutJson: () => ({ result: { big: 1n } }),
  async neverLetGo() {
    process.on('exit', () => {
      for (;;);
    })
    return { result: 'done' }
  },
  exit: ({ params }) => process.exit(params.with),
  async killItself({ params }) {
    process.kill(process.pid, params.with)
    return never()
  },
  fillHeap() {
    const held: unknown[] = []
    for (;;) held.push(Array.from({ length: 1000 }, (_, i) => `${i}${held.length}`))
  },
  async fillMemory() {
    const held: Buffer[] = []
    for (;;) {
      held.push(Buffer.alloc(10_000_000, 1))
      await new Promise((resolve) => setImmediate(resolve))
    }
  },
  async writeMuch(task) {
    const stream = await task.openStream({})
    for (let i = 0; i < task.params.with; i++) await stream.write('TEXT', `${i},`)
    return {}
  },
  async printMuch() {
    for (let i = 0; i < 1000; i++) console.log('x'.repeat(1000))
    console.error('also here')
    return { result: 'done' }
  },
  async speakOutOfTurn() {
    writeSync(TO_SERVER, '{"kind":"outcome","outcome":{"summary":5}}\n')
    return never()
  },
  async askForRelatives(task) {
    const child = await task.createChild('first', { type: 'test.held', params: { note: 'made by a process' }, runAt: new Date('2100-01-01') })
    const same = await task.createChild('first', { type: 'test.held', params: { note: 'made by a process' }, runAt: new Date('2100-01-01') })
    const refused = await task.createChild('second', { type: 'test.unknown' }).catch((error) => ({ code: error.code, message: error.message }))
    return { result: { child, same, refused, children: await task.children(), dependencies: await task.dependencies() } }
  },
}

const work: ProcessFunction<Params> = (task) => deeds[task.params.does]!(task)
export default work
