/** Subscriptions: one result for each event of the source, ended from outside by a signal. */
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute } from 'graphql'
import { DomainError } from '../core/errors.ts'
import { SHARED } from '../core/shared.ts'
import { Context } from './context.ts'
import { sharedResult, shareKey } from './shared-results.ts'

/** On a result: the id of the event it was made of, from the source value's `sseId`. `JSON.stringify` passes it over. */
export const SSE_ID = Symbol('sseId')

export type LiveResult = ExecutionResult & { [SSE_ID]?: string }
export type LiveResults = AsyncIterableIterator<LiveResult> & { return: NonNullable<AsyncIterator<LiveResult>['return']> }

/** Why a subscription was ended that nobody is told of: the connection simply ends. A `DomainError` as reason is told. */
export class Ended extends Error {}
export const clientLeft = new Ended('The client left.')
export const serverStops = new Ended('The server stops.')
export const finished = new Ended('All was said.')

const isIterable = (value: unknown): value is AsyncIterable<unknown> => typeof value === 'object' && value !== null && Symbol.asyncIterator in value
const DONE = { done: true, value: undefined } as const

/** Opens the source and executes the operation once for each of its events, when the reader asks for the next. */
export async function subscribeOperation(args: ExecutionArgs): Promise<ExecutionResult | LiveResults> {
  const source = await createSourceEventStream(args)
  if (!isIterable(source)) return source
  const events = source[Symbol.asyncIterator]()
  const share = shareKey(args)
  return {
    next: async () => {
      const step = await events.next()
      if (step.done) return DONE
      const event = (step.value ?? {}) as { sseId?: unknown; [SHARED]?: boolean }
      const make = () => resultOf(args, event)
      return { done: false, value: await (share && event[SHARED] ? sharedResult(event, share, make) : make()) }
    },
    return: async () => {
      await events.return?.()
      return DONE
    },
    throw: async (error) => {
      await events.return?.()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this as LiveResults
    },
  }
}

function resultOf(args: ExecutionArgs, event: { sseId?: unknown }): LiveResult | Promise<LiveResult> {
  // What was loaded for the event before may have changed since.
  if (args.contextValue instanceof Context) args.contextValue.forget()
  const { sseId } = event
  const named = (result: LiveResult): LiveResult => (typeof sseId === 'string' ? { ...result, [SSE_ID]: sseId } : result)
  const result = execute({ ...args, rootValue: event })
  return result instanceof Promise ? result.then(named) : named(result)
}

interface Ending {
  /** Ends the results at once, whatever the source waits for. */
  signal: AbortSignal
  /** Makes a result fit to be sent. */
  each: (result: LiveResult) => LiveResult
  /** What is told when the source fails, or the right ends. */
  last: (error: unknown) => LiveResult
  /** Called once, however it ends. */
  done: () => void
}

/** `results` until they end, the reader leaves, or the signal aborts. */
export function untilEnded(results: AsyncIterator<LiveResult>, { signal, each, last, done }: Ending): LiveResults {
  let open = true
  let released = false
  let wake: (() => void) | undefined
  const release = () => {
    if (released) return
    released = true
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a generator that is parked on a promise answers only when that resolves.
    results.return?.()?.catch(() => {})
    done()
  }
  const close = () => {
    open = false
    release()
    wake?.()
  }
  // The source is let go at once, even if the reader is slow to ask for the last word.
  const onAbort = () => {
    release()
    wake?.()
  }
  signal.addEventListener('abort', onAbort, { once: true })

  const aborted = (): IteratorResult<LiveResult> => {
    close()
    return signal.reason instanceof DomainError ? { done: false, value: last(signal.reason) } : DONE
  }
  const next = () =>
    new Promise<IteratorResult<LiveResult>>((resolve) => {
      wake = () => {
        wake = undefined
        resolve(open ? aborted() : DONE)
      }
      results.next().then(
        (step) => {
          if (!wake) return
          wake = undefined
          if (step.done) close()
          resolve(step.done ? DONE : { done: false, value: each(step.value) })
        },
        (error) => {
          if (!wake) return
          wake = undefined
          close()
          resolve({ done: false, value: last(error) })
        },
      )
    })
  return {
    next: async () => (!open ? DONE : signal.aborted ? aborted() : next()),
    return: async () => {
      close()
      return DONE
    },
    throw: async (error) => {
      close()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
