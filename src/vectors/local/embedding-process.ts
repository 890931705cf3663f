import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fileBeside, loaderArgs, lowerPriority } from '../../core/own-process.ts'
import type { ProviderLog } from '../../providers/provider.ts'
import { ProviderFailed } from '../../providers/provider-errors.ts'
import type { FromEmbedding, ToEmbedding } from './embedding-messages.ts'
import type { LocalEmbedding } from './embedding-packages.ts'

/** Below the rest of the server, above the local model that writes: a search waits for it. */
const LOW_PRIORITY = 5

/** The process as the server sees it. */
export interface EmbeddingProcess {
  readonly pid: number
  isRunning(): boolean
  /** Why it could not be loaded; null: it could, or is still being loaded. */
  unloadableBecause(): string | null
  /** One text at a time: the next when this one is answered. */
  embed(text: string): Promise<Float32Array>
  /** What is under way fails, and may be asked for again. Settles when the process is gone. */
  end(reason: string): Promise<void>
}

const failure = (message: string, retryable: boolean) => new ProviderFailed('local', message, { retryable })

/** Starts the process and lets it load; a text may be given at once and waits for it. */
export function startEmbeddingProcess(embedding: LocalEmbedding, log: ProviderLog): EmbeddingProcess {
  const child = forkEmbeddingProcess()
  let current: { order: number; resolve(vector: Float32Array): void; reject(error: unknown): void } | null = null
  let orders = 0
  let endedBecause: string | null = null
  let unloadable: string | null = null
  let lastWords = ''
  const tell = (message: ToEmbedding) => {
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
      if (endedBecause === null) log.warn({ ...how, lastWords }, 'the local model of embeddings ended unexpectedly; the next request starts it again')
      endedBecause ??= reason
      current?.reject(failure(endedBecause, true))
      resolve()
    }
    child.once('exit', (code, signal) => ended({ code, signal }, `its process ended unexpectedly (${signal ?? `exit code ${code}`})`))
    child.on('error', (error) => child.pid === undefined && ended({ error: error.message }, `its process could not be started (${error.message})`))
  })
  child.on('message', (message: FromEmbedding) => {
    if (message.kind === 'ready') return log.info({ loadMs: message.loadMs, engine: message.engine, pid: child.pid }, 'the local model of embeddings is loaded')
    if (message.kind === 'unloadable') {
      log.warn({ reason: message.message }, 'the local model of embeddings cannot be loaded')
      unloadable = message.message
      current?.reject(failure(message.message, false))
      return void end('it could not be loaded')
    }
    if (message.order !== current?.order) return
    if (message.kind === 'embedded') current.resolve(message.vector)
    else current.reject(failure(message.message, false))
  })
  tell({ kind: 'load', embedding })

  return {
    pid: child.pid ?? 0,
    isRunning: () => endedBecause === null,
    unloadableBecause: () => unloadable,
    end,
    embed(text) {
      if (endedBecause !== null) return Promise.reject(failure(endedBecause, true))
      const order = ++orders
      return new Promise<Float32Array>((resolve, reject) => {
        current = { order, resolve, reject }
        tell({ kind: 'embed', order, text })
      })
    },
  }
}

/** Works from the sources and compiled. */
function forkEmbeddingProcess(): ChildProcess {
  const file = fileBeside(import.meta.url, 'local-embedding-process')
  const child = fork(fileURLToPath(file), {
    execArgv: loaderArgs(file),
    // None of the server's environment: it holds secrets that this process has no use for.
    env: {},
    // Numbers go through as they are.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  lowerPriority(child.pid, LOW_PRIORITY)
  return child
}
