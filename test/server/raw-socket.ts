/** A client of graphql-transport-ws that hides nothing. */
import { once } from 'node:events'
import WebSocket from 'ws'

export interface Message {
  type: string
  id?: string
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of a message
  payload?: any
}

export class RawSocket {
  readonly #inbox: Message[] = []
  readonly #waiting: ((message: Message) => void)[] = []
  readonly closed: Promise<{ code: number; reason: string }>

  private constructor(readonly ws: WebSocket) {
    this.closed = new Promise((resolve) => ws.once('close', (code, reason) => resolve({ code, reason: String(reason) })))
    ws.on('error', () => {})
    ws.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message
      const waiting = this.#waiting.shift()
      if (waiting) waiting(message)
      else this.#inbox.push(message)
    })
  }

  /** Connected, and initialised unless `init` is null. */
  static async open(url: string, { init = {}, ...options }: { init?: object | null } & WebSocket.ClientOptions = {}): Promise<RawSocket> {
    const socket = new RawSocket(new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', options))
    await once(socket.ws, 'open')
    if (init) {
      socket.send({ type: 'connection_init', payload: init })
      const ack = await socket.next()
      if (ack.type !== 'connection_ack') throw new Error(`Not acknowledged: ${ack.type}`)
    }
    return socket
  }

  send(message: object): void {
    this.ws.send(JSON.stringify(message))
  }

  subscribe(id: string, query: string, more: object = {}): void {
    this.send({ type: 'subscribe', id, payload: { query, ...more } })
  }

  async next(): Promise<Message> {
    return this.#inbox.shift() ?? new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Everything about an operation until it is over. */
  async all(id: string): Promise<Message[]> {
    const messages: Message[] = []
    for (;;) {
      const message = await this.next()
      if (message.id !== id) continue
      messages.push(message)
      if (message.type !== 'next') return messages
    }
  }
}

/** The HTTP status that a handshake was refused with. */
export async function refusedWith(url: string, path: string, protocol: string, options: WebSocket.ClientOptions = {}): Promise<number | 'opened'> {
  const ws = new WebSocket(`${url.replace('http', 'ws')}${path}`, protocol, options)
  ws.on('error', () => {})
  return new Promise((resolve) => {
    ws.once('unexpected-response', (_req, res) => {
      resolve(res.statusCode!)
      ws.terminate()
    })
    ws.once('open', () => {
      resolve('opened')
      ws.terminate()
    })
  })
}
