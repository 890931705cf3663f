/**
 * The side of a task's process: takes the task, runs its function, tells what comes of it, and ends.
 *
 * The function may keep the event loop for itself, so a thread of its own listens to the server. Its pipe closes however the
 * server ended, and then nothing of this process is left. A process that may not start threads listens between what it does, and
 * the system ends it with its server (`confinement.ts`).
 */
import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { ChunkKind } from '../../streams/stream.ts'
import type { TaskOutcome, TaskRun } from '../task-type.ts'
import { type Asked, FROM_SERVER, type FromProcess, TO_SERVER, type ToProcess } from './messages.ts'
import { hearError, tellError } from './told-error.ts'
import { writeAll } from './write-all.ts'

export interface ProcessStream {
  readonly streamId: string
  /** Adds a chunk. Does not return before the server has room for it. */
  write(kind: ChunkKind, content: string): Promise<void>
}

/** One attempt at a task, as a function in a process sees it. */
export interface ProcessTaskRun<Params = unknown> extends Omit<TaskRun<Params>, 'openStream' | 'atEnd' | 'transact'> {
  openStream(about: { model?: string; provider?: string }): Promise<ProcessStream>
}

export type ProcessFunction<Params = unknown> = (task: ProcessTaskRun<Params>) => Promise<TaskOutcome> | TaskOutcome

type Run = Extract<ToProcess, { kind: 'run' }>
type Reply = Extract<ToProcess, { kind: 'answer' | 'refusal' }>
type Load = (module: string | null) => Promise<ProcessFunction>

/** Plain text, because a thread that is started from a file needs the file's loader. */
const LISTENER = `
const { parentPort } = require('node:worker_threads')
const server = new (require('node:net').Socket)({ fd: ${FROM_SERVER}, writable: false })
const endNow = () => {
  // The whole group: also what the function has started.
  try { process.kill(-process.pid, 'SIGKILL') } catch {}
  process.kill(process.pid, 'SIGKILL')
}
server.setEncoding('utf8')
server.on('data', (text) => parentPort.postMessage(text))
server.on('error', endNow)
server.on('close', endNow)`

const abort = new AbortController()
const replies = new Map<number, (reply: Reply) => void>()
let asked = 0

export function serveTask(load: Load): void {
  process.title = 'holdfast-task'
  // Service managers signal every process of a service; it is the server who decides when work in progress ends.
  process.on('SIGTERM', () => abort.signal.aborted && process.exit(143))
  process.on('uncaughtException', (error) => end({ kind: 'failed', error: tellError(error) }))
  let heard = ''
  listen((text) => {
    const lines = (heard + text).split('\n')
    heard = lines.pop()!
    for (const line of lines) hear(JSON.parse(line), load)
  })
}

function listen(take: (text: string) => void): void {
  if (process.permission?.has('worker') ?? true) return void new Worker(LISTENER, { eval: true, execArgv: [], env: {} }).on('message', take)
  const server = new Socket({ fd: FROM_SERVER, writable: false }).setEncoding('utf8').on('data', take)
  server.on('error', () => {}).on('close', () => process.kill(process.pid, 'SIGKILL'))
}

function hear(message: ToProcess, load: Load): void {
  if (message.kind === 'run') void run(message, load)
  else if (message.kind === 'abort') abort.abort(new Error(message.reason))
  else replies.get(message.to)?.(message)
}

async function run({ module, task }: Run, load: Load): Promise<void> {
  let last: FromProcess
  try {
    const perform = await load(module)
    tell({ kind: 'ready' })
    const outcome = await perform({
      ...task,
      signal: abort.signal,
      progress: (fraction, message) => tell({ kind: 'progress', fraction, message }),
      openStream,
      dependencies: () => ask('dependencies'),
      children: () => ask('children'),
      createChild: (key, child) => ask('createChild', key, child),
    })
    last = { kind: 'outcome', outcome: outcome ?? {} }
    // Here, because what has no JSON is a fault of the function.
    JSON.stringify(last)
  } catch (error) {
    last = { kind: 'failed', error: tellError(error) }
  }
  end(last)
}

function ask<Answer>(what: Asked, ...args: unknown[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const number = asked++
    replies.set(number, (reply) => {
      replies.delete(number)
      if (reply.kind === 'answer') resolve(reply.value as Answer)
      else reject(hearError(reply.error))
    })
    tell({ kind: 'ask', number, what, args })
  })
}

async function openStream(about: { model?: string; provider?: string }): Promise<ProcessStream> {
  const stream = asked
  const streamId = await ask<string>('openStream', about)
  let refusal: Error | null = null
  replies.set(stream, (reply) => {
    if (reply.kind === 'refusal') refusal = hearError(reply.error)
  })
  return {
    streamId,
    async write(chunk, content) {
      if (refusal) throw refusal
      tell({ kind: 'write', stream, chunk, content })
    },
  }
}

function tell(message: FromProcess): void {
  try {
    writeAll(TO_SERVER, Buffer.from(`${JSON.stringify(message)}\n`))
  } catch (error) {
    // Nobody is left to be told.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.kill(process.pid, 'SIGKILL')
    throw error
  }
}

/** Whatever the function left running ends with it. */
function end(last: FromProcess): never {
  tell(last)
  process.exit(0)
}
