/**
 * The seam for traces: what is under way, and what it belongs to. Nothing is loaded, and next to nothing is paid, until somebody
 * turns it on. One for the whole process, as are the calls that it follows.
 */

export interface SpanStart {
  name: string
  /** SERVER: asked from outside. CONSUMER: taken from the queue. CLIENT: somebody else is asked. */
  kind: 'SERVER' | 'CONSUMER' | 'CLIENT'
  /** What it belongs to, as W3C writes it (`traceparent`); left out: to what is under way here. Null: to nothing. */
  parent?: string | null
  attributes?: Attributes
}

export type Attributes = Record<string, string | number | boolean | undefined>

export interface Span {
  set(attributes: Attributes): void
  fail(message: string): void
  /** Twice is once. */
  end(): void
}

export interface Tracer {
  /** As W3C writes it; null where nothing is under way. */
  readonly current: string | null
  begin(start: SpanStart): Span
  /** What is begun within `act`, however much later, belongs to this. */
  during<T>(start: SpanStart, act: (span: Span) => Promise<T>): Promise<T>
  /** The function, as if it were called from here. */
  bound<Args extends unknown[], Result>(act: (...args: Args) => Result): (...args: Args) => Result
}

export const tracing: { on: Tracer | null } = { on: null }

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** What a client says it belongs to, if it can be that. */
export const traceparentOf = (given: unknown): string | null => (typeof given === 'string' && TRACEPARENT.test(given) ? given : null)
