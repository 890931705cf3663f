/**
 * Subscribers in a process of their own. They speak graphql-transport-ws by hand, so that they cost little, and check that no
 * chunk is missing and none comes twice. Told by messages: open; await a seq; begin the figures anew.
 */
import { WebSocket } from 'ws'

export type Order =
  | { kind: 'open'; url: string; authorization: string; query: string; variables: object; sockets: number; perSocket: number }
  /** Answers once every subscriber has the seq, or the time is over. */
  | { kind: 'await'; seq: number; patienceMs: number }
  | { kind: 'reset' }
  | { kind: 'close' }

export interface Figures {
  /** Whether all have come so far. */
  complete: boolean
  /** Chunks received since the figures were begun anew, all subscribers together. */
  chunks: number
  messages: number
  /** Chunks that came twice or after a hole, ever. */
  faults: number
  /** When the last chunk came. */
  lastAt: number
  /** Sent to received, in milliseconds. */
  medianMs: number
  p95Ms: number
}

interface Chunk {
  seq: number
  content: string
}

/** The same clock in all processes of a machine. */
const now = () => Number(process.hrtime.bigint()) / 1e6

let sockets: WebSocket[] = []
let reached: number[] = []
let behind = 0
let awaited: { seq: number; resolve: () => void } | null = null
let delays: number[] = []
let chunks = 0
let messages = 0
let faults = 0
let lastAt = 0

function take(subscriber: number, list: Chunk[]): void {
  if (!list.length) return
  lastAt = now()
  messages++
  for (const { seq, content } of list) {
    const last = reached[subscriber]!
    if (last >= 0 && seq !== last + 1) faults++
    reached[subscriber] = seq
    chunks++
    // A sample is enough: at most some 300,000.
    if (delays.length < 300_000) delays.push(lastAt - Number.parseFloat(content))
    if (awaited && seq === awaited.seq && --behind === 0) awaited.resolve()
  }
}

/** The newest payloads by their text: a thousand subscribers on one core must not be what is measured, so what is the same is parsed once. */
const payloads = new Map<string, Message['payload']>()
interface Message {
  type: string
  id: string
  payload: { data?: object }
}

function read(text: string): Message {
  const at = text.startsWith('{"id":"') ? text.indexOf('","type":"next","payload":') : -1
  if (at < 0) return JSON.parse(text)
  const json = text.slice(at + '","type":"next","payload":'.length, -1)
  let payload = payloads.get(json)
  if (!payload) {
    payload = JSON.parse(json) as Message['payload']
    payloads.set(json, payload)
    if (payloads.size > 64) payloads.delete(payloads.keys().next().value!)
  }
  return { type: 'next', id: text.slice('{"id":"'.length, at), payload }
}

function open({ url, authorization, query, variables, sockets: count, perSocket }: Extract<Order, { kind: 'open' }>): Promise<unknown> {
  reached = new Array(count * perSocket).fill(-1)
  return Promise.all(
    Array.from({ length: count }, (_, s) => {
      const socket = new WebSocket(url, 'graphql-transport-ws')
      sockets.push(socket)
      return new Promise<void>((resolve, reject) => {
        socket.on('error', reject)
        socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } })))
        socket.on('message', (data) => {
          const message = read(String(data))
          if (message.type === 'connection_ack') {
            for (let i = 0; i < perSocket; i++) socket.send(JSON.stringify({ id: String(s * perSocket + i), type: 'subscribe', payload: { query, variables } }))
            resolve()
          } else if (message.type === 'next' && message.payload.data) {
            const [update] = Object.values(message.payload.data) as [{ chunks?: Chunk[] } & Chunk]
            take(Number(message.id), update.chunks ?? [update])
          } else if (message.type === 'ping') socket.send('{"type":"pong"}')
          else if (message.type !== 'complete') reject(new Error(String(data)))
        })
      })
    }),
  )
}

async function awaitSeq(seq: number, patienceMs: number): Promise<boolean> {
  behind = reached.filter((last) => last < seq).length
  if (!behind) return true
  let impatience: NodeJS.Timeout | undefined
  const arrived = await new Promise<boolean>((resolve) => {
    awaited = { seq, resolve: () => resolve(true) }
    impatience = setTimeout(() => resolve(false), patienceMs)
  })
  clearTimeout(impatience)
  awaited = null
  return arrived
}

const at = (q: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * q))] ?? Number.NaN

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'open':
      await open(order)
      return {}
    case 'await': {
      const complete = await awaitSeq(order.seq, order.patienceMs)
      delays.sort((a, b) => a - b)
      return { complete, chunks, messages, faults, lastAt, medianMs: at(0.5), p95Ms: at(0.95) } satisfies Figures
    }
    case 'reset':
      delays = []
      chunks = messages = 0
      return {}
    case 'close':
      for (const socket of sockets) socket.terminate()
      sockets = []
      return {}
  }
}

process.on('message', (order: Order | 'cpu') => {
  if (order !== 'cpu') void obey(order).then((answer) => process.send!(answer))
})
process.channel?.ref()
console.log(JSON.stringify({ listens: 'yes' }))
