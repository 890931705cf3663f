import os from 'node:os'
import { type PlainMessage, plainStream } from '../plain-stream.ts'
import type { Ending, GenerationPart, GenerationRequest, Provider, ProviderLog } from '../provider.ts'
import { ProviderFailed } from '../provider-errors.ts'
import type { Listing } from '../sdk-provider.ts'
import { findLocalPackages, type LocalPackages, localModelName } from './local-packages.ts'
import { type ModelProcess, startModelProcess } from './model-process.ts'
import { waitingLine } from './waiting-line.ts'

export interface LocalModelOptions {
  enabled: boolean
  modelFolder: string
  threads?: number
  /** How long the process stays loaded without work; ten minutes. */
  idleMs?: number
  /** What the model was trained on: 2,048, for 46 MB. */
  contextTokens?: number
  log: ProviderLog
  packages?: LocalPackages
}

export interface LocalModel extends Provider, Listing {
  /** Of the process that holds the model; null while there is none. */
  pid(): number | null
}

/**
 * A small model on this machine, in a process of its own: started by the first request, kept loaded between requests,
 * stopped when idle, started again after a crash. It answers one request after another, in the order they came.
 */
export function localModel(options: LocalModelOptions): LocalModel {
  const { enabled, modelFolder, log, idleMs = 10 * 60_000, contextTokens = 2048 } = options
  const threads = options.threads ?? Math.max(1, os.availableParallelism() - 1)
  const packages = options.packages ?? findLocalPackages()
  const line = waitingLine()
  let running: ModelProcess | null = null
  let idle: NodeJS.Timeout | undefined
  let closed = false

  const modelProcess = (): ModelProcess => {
    if (packages.weights === null) throw new ProviderFailed('local', packages.missing, { retryable: false })
    if (closed) throw new ProviderFailed('local', 'the server is stopping', { retryable: true })
    if (!running?.isRunning()) running = startModelProcess({ modelFolder, weights: packages.weights, threads, contextTokens, log })
    return running
  }
  const rest = (used: ModelProcess) => {
    clearTimeout(idle)
    idle = setTimeout(() => void used.end('it was idle'), idleMs).unref()
  }

  return {
    name: 'local',
    models: [localModelName],
    takesAnyModel: false,
    unavailableBecause: enabled ? packages.missing : 'the local model is switched off',
    listModels: async () => [{ name: localModelName, contextLength: contextTokens, maxOutputTokens: null, capabilities: ['CHAT'], details: {} }],
    pid: () => (running?.isRunning() ? running.pid : null),

    stream: (_model, request) => plainStream('local', request, (messages, signal) => answer(request, messages, signal)),

    async close() {
      closed = true
      clearTimeout(idle)
      await running?.end('the server is stopping')
    },
  }

  async function* answer(
    { temperature, maxOutputTokens, stop, schema }: GenerationRequest,
    messages: PlainMessage[],
    signal: AbortSignal,
  ): AsyncGenerator<GenerationPart, Ending, undefined> {
    const leave = await line.enter(signal)
    let free: Promise<void> = Promise.resolve()
    try {
      const used = modelProcess()
      clearTimeout(idle)
      const given = used.give({ messages, temperature, maxOutputTokens, stop, schema })
      const { answer } = given
      free = given.free.then(() => rest(used))
      const cancel = () => answer.cancel(signal.reason)
      signal.addEventListener('abort', cancel, { once: true })
      try {
        for await (const content of answer.text) if (content !== '') yield { kind: 'TEXT', content }
        return await answer.ending
      } finally {
        signal.removeEventListener('abort', cancel)
        answer.cancel(new DOMException('The reader left.', 'AbortError'))
      }
    } finally {
      // The next in line goes when the process is free; this reader need not wait for that.
      void free.then(leave)
    }
  }
}
