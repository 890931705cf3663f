import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fileBeside, loaderArgs, lowerPriority } from '../../core/own-process.ts'
import type { ProviderLog } from '../provider.ts'
import { ProviderFailed } from '../provider-errors.ts'
import { type Answer, type AnswerWriter, openAnswer } from './answer.ts'
import type { FromModel, Loading, Order, ToModel } from './local-messages.ts'

/** Below everything else of the server, which computes for milliseconds where this computes for seconds. */
const lowPriority = 10
/** A cancel waits for a slice of the prompt, or for the rest of the loading. Longer than this, and the process hangs. */
const hangsAfterMs = 60_000

/** The process as the server sees it. */
export interface ModelProcess {
  readonly pid: number
  isRunning(): boolean
  /** One order at a time: the next when `free`, which never rejects, says that the process is free or gone. */
  give(order: Order): { answer: Answer; free: Promise<void> }
  /** An answer under way fails with `reason` and may be asked for again. Settles when the process is gone. */
  end(reason: string): Promise<void>
}

/** Starts the process and lets it load; orders may be given at once and wait for it. */
export function startModelProcess(settings: Loading & { log: ProviderLog }): ModelProcess {
  const { log, ...load } = settings
  const child = forkModelProcess()
  let current: { order: number; writer: AnswerWriter; isFree: () => void } | null = null
  let orders = 0
  let endedBecause: string | null = null
  let lastWords = ''

  const tell = (message: ToModel) => {
    if (child.connected) child.send(message, () => {}) // a channel that just closed shows as the exit below
  }
  const end = async (reason: string) => {
    endedBecause ??= reason
    child.kill('SIGKILL') // it keeps nothing that could be lost
    await gone
  }

  child.stderr?.setEncoding('utf8').on('data', (words: string) => {
    lastWords = (lastWords + words).slice(-2000)
  })
  const gone = new Promise<void>((resolve) => {
    const ended = (how: object, reason: string) => {
      if (endedBecause === null) log.warn({ ...how, lastWords }, 'the local model ended unexpectedly; the next request starts it again')
      endedBecause ??= reason
      current?.writer.fail(new ProviderFailed('local', endedBecause, { retryable: true }))
      current?.isFree()
      resolve()
    }
    child.once('exit', (code, signal) => ended({ code, signal }, `its process ended unexpectedly (${signal ?? `exit code ${code}`})`))
    child.on('error', (error) => child.pid === undefined && ended({ error: error.message }, `its process could not be started (${error.message})`))
  })

  child.on('message', (message: FromModel) => {
    if (message.kind === 'ready') return log.info({ loadMs: message.loadMs, pid: child.pid }, 'the local model is loaded')
    if (message.kind === 'unloadable') {
      log.warn({ reason: message.message }, 'the local model cannot be loaded')
      current?.writer.fail(new ProviderFailed('local', message.message, { retryable: false }))
      return void end('it could not be loaded')
    }
    if (message.order !== current?.order) return
    if (message.kind === 'text') return current.writer.write(message.text)
    if (message.kind === 'ended') {
      current.writer.end(message.ending)
      const { messagesLeftOut } = message
      if (messagesLeftOut > 0) log.info({ messagesLeftOut }, 'the messages were too long for the local model; it did not see the oldest')
    } else if (message.kind === 'failed') current.writer.fail(new ProviderFailed('local', message.message, { retryable: false }))
    current.isFree()
  })
  tell({ kind: 'load', ...load })

  return {
    pid: child.pid ?? 0,
    isRunning: () => endedBecause === null,
    end,
    give(work) {
      const order = ++orders
      let hangs: NodeJS.Timeout | undefined
      const writer = openAnswer(() => {
        tell({ kind: 'cancel', order })
        hangs = setTimeout(() => void end('it did not answer a cancel'), hangsAfterMs).unref()
      })
      const free = new Promise<void>((resolve) => {
        const isFree = () => {
          clearTimeout(hangs)
          current = null
          resolve()
        }
        current = { order, writer, isFree }
      })
      tell({ kind: 'generate', order, ...work })
      return { answer: writer.answer, free }
    },
  }
}

/** Works from the sources and compiled. */
function forkModelProcess(): ChildProcess {
  const file = fileBeside(import.meta.url, 'local-model-process')
  const child = fork(fileURLToPath(file), {
    execArgv: loaderArgs(file),
    // None of the server's environment: it holds secrets that this process has no use for.
    env: { NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  lowerPriority(child.pid, lowPriority)
  return child
}
