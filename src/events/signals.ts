/**
 * "Look again": wake-ups between those who write and those who wait, in this process and, on PostgreSQL, in every other.
 *
 * A signal carries no truth, only a topic. It may be lost, doubled or late without harm, for whoever waits also looks by
 * itself now and then.
 */
import type { Notifier } from '../db/notify.ts'

const CHANNEL = 'holdfast'
/** PostgreSQL refuses payloads of 8,000 bytes and more. */
const PAYLOAD_BYTES = 7000

/** Wakes everybody: after a gap in what was heard. */
export const EVERY_TOPIC = '*'

export interface Signals {
  /** To listeners here at once, and to the other servers. */
  send(topics: Iterable<string>): void
  /** To the other servers alone. */
  sendAway(topics: Iterable<string>): void
  /** Calls `listener` at each signal on the topic until the returned function is called. */
  on(topic: string, listener: () => void): () => void
  close(): Promise<void>
}

export class LocalSignals implements Signals {
  readonly #listeners = new Map<string, Set<() => void>>()

  constructor(readonly warn: (error: unknown) => void) {}

  send(topics: Iterable<string>): void {
    for (const topic of topics) {
      const called = topic === EVERY_TOPIC ? [...this.#listeners.values()].flatMap((listeners) => [...listeners]) : [...(this.#listeners.get(topic) ?? [])]
      for (const listener of called) this.#call(listener)
    }
  }

  /** There is nobody else. */
  sendAway(): void {}

  /** What was signalled is committed: whatever a listener does, the others hear it, and the sender goes on. */
  #call(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.warn(error)
    }
  }

  on(topic: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic)
    }
  }

  async close(): Promise<void> {
    this.#listeners.clear()
  }
}

/** Local signals that also travel over LISTEN/NOTIFY; what gathers while one message is under way goes in the next. */
export class PostgresSignals implements Signals {
  readonly #local: LocalSignals
  readonly #pending = new Set<string>()
  #notifier: Notifier | null = null
  #sending = false

  /** `self` names this server, so that it does not hear itself. */
  constructor(
    readonly self: string,
    warn: (error: unknown) => void,
  ) {
    this.#local = new LocalSignals(warn)
  }

  /** The notifier calls back here: `onNotify` and `onGap` of `openNotifier`. */
  attach(notifier: Notifier): void {
    this.#notifier = notifier
  }

  heard(payload: string): void {
    const [from, ...topics] = payload.split('\n')
    if (from !== this.self) this.#local.send(topics)
  }

  gap(): void {
    this.#local.send([EVERY_TOPIC])
  }

  send(topics: Iterable<string>): void {
    const list = [...topics]
    this.#local.send(list)
    this.sendAway(list)
  }

  sendAway(topics: Iterable<string>): void {
    for (const topic of topics) this.#pending.add(topic)
    // After what the sender goes on with here: it is the sender that somebody waits for.
    if (!this.#sending) setImmediate(() => void this.#flush())
  }

  async #flush(): Promise<void> {
    if (this.#sending || !this.#notifier) return
    this.#sending = true
    try {
      while (this.#pending.size) {
        let payload = this.self
        for (const topic of this.#pending) {
          if (payload.length + topic.length + 1 > PAYLOAD_BYTES) break
          payload += `\n${topic}`
          this.#pending.delete(topic)
        }
        await this.#notifier.notify(CHANNEL, payload)
      }
    } finally {
      this.#sending = false
    }
  }

  on(topic: string, listener: () => void): () => void {
    return this.#local.on(topic, listener)
  }

  async close(): Promise<void> {
    await this.#notifier?.close()
    await this.#local.close()
  }
}

export const SIGNAL_CHANNEL = CHANNEL
