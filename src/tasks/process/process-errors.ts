import { DomainError, errorCode } from '../../core/errors.ts'

const PROCESS_FAILED = errorCode('PROCESS_FAILED', 'The process of the task needed too much memory or time, or ended before the task did.')

const RETRYABLE = { MEMORY: false, TIME: false, DIED: true } as const

export type ProcessFault = keyof typeof RETRYABLE

/** The process, not the function in it, is why the attempt failed. */
export class ProcessFailed extends DomainError {
  override readonly retryable: boolean
  constructor(
    readonly fault: ProcessFault,
    message: string,
    /** The last it wrote on its standard error: for the log, not for users. */
    lastWords = '',
  ) {
    super(PROCESS_FAILED, message)
    // More of the same would come of another attempt, where it was not chance that ended it.
    this.retryable = RETRYABLE[fault]
    if (lastWords) this.cause = new Error(lastWords)
  }
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  /** It could not be started. */
  error?: Error
}

/** What an end that nobody asked for says. */
export function diedOf({ code, signal, error }: Exit, lastWords: string, limits: { heapMb: number }): ProcessFailed {
  if (error) return new ProcessFailed('DIED', `The process of the task could not be started (${error.message}).`)
  // V8 says so and aborts; nothing but its words tells this abort from another.
  if (/heap out of memory|process out of memory|Allocation failed/i.test(lastWords))
    return new ProcessFailed('MEMORY', `The process of the task needed more memory than it may take (${limits.heapMb} MB of heap).`, lastWords)
  if (signal === 'SIGXCPU') return new ProcessFailed('TIME', 'The process of the task took more processor time than it may.', lastWords)
  const how = signal === 'SIGKILL' ? 'it was killed, by hand or because the machine had no memory left' : signal ? `signal ${signal}` : `exit code ${code}`
  return new ProcessFailed('DIED', `The process of the task ended unexpectedly (${how}).`, lastWords)
}
