import type { ProviderLog } from '../../providers/provider.ts'
import { ProviderFailed } from '../../providers/provider-errors.ts'
import { findEmbeddingPackages, type LocalEmbeddingPackages } from './embedding-packages.ts'
import { type EmbeddingProcess, startEmbeddingProcess } from './embedding-process.ts'

export interface LocalEmbedderOptions {
  enabled: boolean
  /** How long the process stays loaded without work; ten minutes. */
  idleMs?: number
  log: ProviderLog
  packages?: LocalEmbeddingPackages
}

export interface LocalEmbedder {
  /** Null: ready to be used. Otherwise what to set or to install. */
  readonly unavailableBecause: string | null
  /** In the order of the texts. What is `urgent` goes before all that is not: somebody waits for it. */
  embed(texts: readonly string[], how: { signal: AbortSignal; urgent?: boolean }): Promise<Float32Array[]>
  /** Of the process that holds the model; null while there is none. */
  pid(): number | null
  close(): Promise<void>
}

interface Job {
  text: string
  signal: AbortSignal
  resolve(vector: Float32Array): void
  reject(error: unknown): void
}

/**
 * A small model of embeddings on this machine, in a process of its own: started by the first request, kept loaded between requests,
 * stopped when idle, started again after a crash. One text after another; who leaves does not hold up the others.
 */
export function localEmbedder({ enabled, log, idleMs = 10 * 60_000, packages = findEmbeddingPackages() }: LocalEmbedderOptions): LocalEmbedder {
  const queues: { urgent: Job[]; patient: Job[] } = { urgent: [], patient: [] }
  const unavailableBecause = enabled ? packages.missing : 'the local models are switched off'
  let running: EmbeddingProcess | null = null
  let idle: NodeJS.Timeout | undefined
  let isWorking = false
  let isClosed = false

  const model = (): EmbeddingProcess => {
    if (unavailableBecause !== null) throw new ProviderFailed('local', unavailableBecause, { retryable: false })
    if (isClosed) throw new ProviderFailed('local', 'the server is stopping', { retryable: true })
    if (!running?.isRunning()) running = startEmbeddingProcess(packages.embedding!, log)
    return running
  }

  async function work(): Promise<void> {
    if (isWorking) return
    isWorking = true
    clearTimeout(idle)
    for (let job = next(); job; job = next()) {
      try {
        job.signal.throwIfAborted()
        job.resolve(await model().embed(job.text))
      } catch (error) {
        job.reject(error)
        // The others would be told the same, after as many loadings.
        if (running?.unloadableBecause()) for (let other = next(); other; other = next()) other.reject(error)
      }
    }
    isWorking = false
    idle = setTimeout(() => void running?.end('it was idle'), idleMs).unref()
  }
  const next = (): Job | undefined => queues.urgent.shift() ?? queues.patient.shift()

  return {
    unavailableBecause,
    pid: () => (running?.isRunning() ? running.pid : null),
    async embed(texts, { signal, urgent = false }) {
      // Before anything waits: what cannot be used is told at once.
      model()
      const vectors = texts.map(
        (text) =>
          new Promise<Float32Array>((resolve, reject) => {
            queues[urgent ? 'urgent' : 'patient'].push({ text, signal, resolve, reject })
          }),
      )
      void work()
      return unlessAborted(signal, Promise.all(vectors))
    },
    async close() {
      isClosed = true
      clearTimeout(idle)
      await running?.end('the server is stopping')
    },
  }
}

/** Who leaves need not wait for the text that is being read. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let leave!: () => void
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([work, left])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
