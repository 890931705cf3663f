/**
 * Chunks appended to streams over HTTP, each acknowledged when it is on disk: Holdfast on SQLite (`synchronous=FULL`) beside the
 * file-backed server of Durable Streams (`fdatasync` for each append). So many streams, each with a producer of its own that
 * sends a chunk when the one before is acknowledged. The two take turns.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { scratchDatabase } from '../test/kit/databases.ts'
import { type Child, startChild } from './kit/child.ts'
import { startHoldfast } from './kit/holdfast.ts'
import { burst, dataOf, perSecond, poster } from './kit/load.ts'
import { installPeers, startPeer } from './kit/peers.ts'
import { median, medianRatio, ROUND_MS, ROUNDS, short, table } from './kit/stats.ts'

// The peer keeps 100 files open at most, and fails where an append has to wait for one.
const STREAMS = [1, 50]
const CHUNK = 'and then she said '

type Append = (writer: number) => Promise<unknown>
interface Side {
  server: Child
  append: Append
}

/** One stream for each writer. */
async function ours(url: string): Promise<Side> {
  const many = Math.max(...STREAMS)
  const holdfast = await startHoldfast(url, {}, many)
  const ask = async <Data>(query: string, variables: object = {}) => dataOf<Data>(await holdfast.post(JSON.stringify({ query, variables })))
  const OPEN = 'mutation { streamOpen(input: {}) { stream { id } producerToken userErrors { message } } }'
  const APPEND = 'mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { message } } }'
  const streams: { id: string; producerToken: string; afterSeq: number }[] = []
  const open = async () => {
    const { streamOpen } = await ask<{ streamOpen: { stream: { id: string }; producerToken: string } }>(OPEN)
    return { id: streamOpen.stream.id, producerToken: streamOpen.producerToken, afterSeq: -1 }
  }
  for (let n = 0; n < many; n++) streams.push(await open())
  return {
    server: holdfast,
    append: (writer) => {
      const stream = streams[writer]!
      const input = { ...stream, chunks: [{ content: CHUNK }] }
      stream.afterSeq++
      return ask(APPEND, { input })
    },
  }
}

async function theirs(): Promise<Side> {
  const peer = await startPeer('durable-streams.mjs', {}, 'url')
  const agent = new Agent({ keepAlive: true })
  const send = (method: string, writer: number, body?: string) =>
    new Promise<void>((resolve, reject) => {
      const headers = { 'content-type': 'text/plain', ...(body && { 'content-length': Buffer.byteLength(body) }) }
      const req = request(new URL(`/stream-${writer}`, peer.ready.url), { agent, method, headers }, (res) => {
        res.resume().on('end', () => (res.statusCode! < 300 ? resolve() : reject(new Error(`${method}: ${res.statusCode}`))))
      })
      req.on('error', reject).end(body)
    })
  for (let n = 0; n < Math.max(...STREAMS); n++) await send('PUT', n)
  return { server: peer, append: (writer) => send('POST', writer, CHUNK) }
}

async function bare(): Promise<Side> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bare-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const server = await startChild('bench/kit/bare-appends.ts', { BARE_FILE: path.join(folder, 'bare.db') }, 'url')
  const post = poster(server.ready.url!, Math.max(...STREAMS))
  return { server, append: (writer) => post(JSON.stringify({ streamId: `stream-${writer}`, content: CHUNK })) }
}

interface Round {
  rate: number
  cpuUs: number
}

async function round({ server, append }: Side, streams: number): Promise<Round> {
  const before = await server.cpuMs()
  const done = await burst(streams, ROUND_MS, append)
  return { rate: perSecond(done), cpuUs: (((await server.cpuMs()) - before) / done.count) * 1000 }
}

installPeers()
const scratch = await scratchDatabase('sqlite')
const sides = [await ours(scratch.url), await theirs(), await bare()] as const
const rows: Record<string, string>[] = []
try {
  for (const streams of STREAMS) {
    const rounds: Round[][] = []
    for (let n = -1; n < ROUNDS; n++) {
      const each: Round[] = []
      for (const side of sides) each.push(await round(side, streams))
      if (n >= 0) rounds.push(each)
    }
    const of = (side: number, key: keyof Round) => rounds.map((each) => each[side]![key])
    rows.push({
      'streams written at once': String(streams),
      'Holdfast/s': short(median(of(0, 'rate'))),
      'Durable Streams/s': short(median(of(1, 'rate'))),
      ratio: short(medianRatio(of(0, 'rate'), of(1, 'rate'))),
      'bare SQLite/s': short(median(of(2, 'rate'))),
      'bare to Durable Streams': short(medianRatio(of(2, 'rate'), of(1, 'rate'))),
      'Holdfast µs': short(median(of(0, 'cpuUs'))),
      'Durable Streams µs': short(median(of(1, 'cpuUs'))),
      'bare µs': short(median(of(2, 'cpuUs'))),
      'CPU ratio': short(medianRatio(of(0, 'cpuUs'), of(1, 'cpuUs'))),
    })
  }
} finally {
  for (const { server } of sides) await server.stop()
  await scratch.drop()
}
console.log('\nChunks acknowledged a second, each on disk by then.\n')
table(rows)
process.exit()
