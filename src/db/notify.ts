/**
 * LISTEN and NOTIFY on a connection of its own.
 *
 * It is connected or it is trying to be; `close` ends both. Whatever was said while it was not connected is lost, so each
 * time it comes back `onGap` says that something may have been missed. Once a few seconds it asks the server for a sign of
 * life: a connection whose other end vanished looks the same as one on which nobody speaks.
 */
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { connectionConfig } from './postgresql.ts'

export interface NotifierOptions {
  channels: readonly string[]
  onNotify(channel: string, payload: string): void
  /** Notifications may have been missed: look again at everything. */
  onGap(): void
  warn?(problem: Error): void
  /** How often to look whether the server is still there, which has as long to answer. */
  heartbeatMs?: number
}

export interface Notifier {
  /**
   * Sends, and resolves when the server has it; never rejects. What gathers while a message is under way goes out with the
   * next, the same thing only once. Without a connection it resolves at once, and the message waits for the next one.
   */
  notify(channel: string, payload: string): Promise<void>
  close(): Promise<void>
}

const HEARTBEAT_MS = 3_000
const BACKOFF_MS = [100, 200, 500, 1_000, 2_000, 5_000]
const MAX_PAYLOAD_BYTES = 7_999
/** So many different messages wait for a connection; whoever reconnects looks again at everything anyway. */
const MAX_WAITING = 10_000

export async function openNotifier(url: string, options: NotifierOptions): Promise<Notifier> {
  const notifier = new PostgresNotifier(url, options)
  await notifier.start()
  return notifier
}

interface Message {
  channel: string
  payload: string
}

interface Connection {
  client: pg.Client
  /** Settles when the connection is over. */
  over: Promise<void>
  /** Ends it at once, without waiting for the other side. */
  cut(): void
}

class PostgresNotifier implements Notifier {
  readonly #url: string
  readonly #options: NotifierOptions
  readonly #closing = new AbortController()
  #connection: Connection | null = null
  #running: Promise<void> = Promise.resolve()
  #waiting = new Map<string, Message>()
  #sending: Promise<void> | null = null

  constructor(url: string, options: NotifierOptions) {
    this.#url = url
    this.#options = options
  }

  /** The first connection must succeed: what is wrong then is the configuration. */
  async start(): Promise<void> {
    this.#connection = await this.#connect()
    this.#running = this.#run()
  }

  async notify(channel: string, payload: string): Promise<void> {
    if (Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES) {
      this.#warn(`A notification of more than ${MAX_PAYLOAD_BYTES} bytes was not sent.`)
      return
    }
    if (this.#waiting.size < MAX_WAITING) this.#waiting.set(JSON.stringify([channel, payload]), { channel, payload })
    await this.#flush()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  #flush(): Promise<void> {
    this.#sending ??= this.#send()
    return this.#sending
  }

  async #send(): Promise<void> {
    // What is said in this turn of the event loop goes out together.
    await Promise.resolve()
    while (this.#waiting.size && this.#connection) {
      // Taken out first: what is said again from here on is newer, and goes out again.
      const messages = this.#waiting
      this.#waiting = new Map()
      try {
        await this.#connection.client.query({
          name: 'notify',
          text: 'SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS message(channel, payload)',
          values: [[...messages.values()].map(({ channel }) => channel), [...messages.values()].map(({ payload }) => payload)],
        })
      } catch (error) {
        this.#waiting = new Map([...messages, ...this.#waiting])
        if (!this.#closing.signal.aborted) this.#warn('A notification could not be sent yet.', error)
        break
      }
    }
    // In the same breath as the last look at what waits, or something could be left lying between the two.
    this.#sending = null
  }

  async #run(): Promise<void> {
    while (this.#connection) {
      await this.#connection.over
      this.#connection = null
      if (this.#closing.signal.aborted) return
      this.#warn('The connection that listens for notifications was lost; connecting again.')
      this.#connection = await this.#reconnect()
      if (!this.#connection) return
      this.#options.onGap()
      void this.#flush()
    }
  }

  async #reconnect(): Promise<Connection | null> {
    for (let attempt = 0; !this.#closing.signal.aborted; attempt++) {
      const pause = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)]!
      try {
        // Many servers lose the same database at the same moment; they need not all come back at the same moment.
        await sleep(pause * (0.5 + Math.random()), undefined, { signal: this.#closing.signal })
        return await this.#connect()
      } catch (error) {
        if (!this.#closing.signal.aborted) this.#warn('Connecting again for notifications failed.', error)
      }
    }
    return null
  }

  async #connect(): Promise<Connection> {
    let socket: Socket | undefined
    const client = new pg.Client({
      ...connectionConfig(this.#url),
      application_name: 'holdfast listen',
      stream: () => {
        socket = new Socket()
        return socket
      },
    })
    const cut = () => void socket?.destroy()
    this.#closing.signal.addEventListener('abort', cut, { once: true })
    const over = new Promise<void>((resolve) => client.once('end', resolve))
    void over.then(() => this.#closing.signal.removeEventListener('abort', cut))
    client.on('error', () => cut())
    client.on('notification', ({ channel, payload = '' }) => this.#options.onNotify(channel, payload))
    try {
      await client.connect()
      for (const channel of this.#options.channels) await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      cut()
      throw error
    }
    const connection = { client, over, cut }
    void this.#watch(connection)
    return connection
  }

  /** Cuts a connection that stays silent. */
  async #watch({ client, over, cut }: Connection): Promise<void> {
    const heartbeatMs = this.#options.heartbeatMs ?? HEARTBEAT_MS
    const stopped = new AbortController()
    void over.then(() => stopped.abort())
    try {
      for (;;) {
        await sleep(heartbeatMs, undefined, { signal: stopped.signal, ref: false })
        await client.query({ text: 'SELECT 1', query_timeout: heartbeatMs } as pg.QueryConfig)
      }
    } catch {
      cut()
    }
  }

  #warn(message: string, cause?: unknown): void {
    this.#options.warn?.(new Error(message, { cause }))
  }
}
