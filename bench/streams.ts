/**
 * One stream and its followers: chunks a second that arrive, and how long a chunk takes from being sent to being received, for
 * 1, 100 and 1,000 subscribers. The reference publishes each chunk as an event in memory and keeps nothing; Holdfast commits
 * each append to SQLite (`synchronous=FULL`) before anyone sees it. The two take turns.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { scratchDatabase } from '../test/kit/databases.ts'
import { type Child, startChild } from './kit/child.ts'
import { type Holdfast, startHoldfast } from './kit/holdfast.ts'
import { dataOf, poster } from './kit/load.ts'
import { median, medianRatio, short, table } from './kit/stats.ts'
import type { Figures, Order } from './kit/subscribers.ts'

const AUDIENCES = [
  { subscribers: 1, sockets: 1 },
  { subscribers: 100, sockets: 100 },
  { subscribers: 1000, sockets: 200 },
].filter(({ subscribers }) => !process.env.BENCH_SUBSCRIBERS?.length || process.env.BENCH_SUBSCRIBERS.split(',').includes(String(subscribers)))
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
const FULL_SPEED_MS = Number(process.env.BENCH_ROUND_MS ?? 1000)
const STEADY_PER_SECOND = 50
const STEADY_CHUNKS = 60
const PATIENCE_MS = 10_000

/** A stream that is open, and how to add to it. */
interface Producer {
  query: string
  variables: object
  /** Appends one chunk and waits for the answer. */
  append(content: string): Promise<void>
}
interface Contestant {
  server: Child
  url: string
  authorization: string
  open(): Promise<Producer>
}

/** The same clock as the subscribers'. */
const now = () => Number(process.hrtime.bigint()) / 1e6
/** When it was sent, and about four words. */
const content = () => `${now()} and then she said `

const [scratch, aside] = [await scratchDatabase('sqlite'), await scratchDatabase('sqlite')]
const holdfast = await startHoldfast(scratch.url)
const unshared = await startHoldfast(aside.url, {}, 16, 'bench/kit/unshared.ts')
const bare = await startChild('bench/kit/broadcast.ts', {}, 'url')
const reference = await startChild('bench/kit/reference.ts', { DATABASE_URL: scratch.url }, 'url')

const OPEN = 'mutation { streamOpen(input: {}) { stream { id } producerToken userErrors { message } } }'
const APPEND = 'mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { message } } }'
const FOLLOW = 'subscription ($streamId: ID!) { streamChunks(streamId: $streamId) { chunks { seq content } lastSeq status } }'
const PUBLISH = 'mutation ($streamId: String!, $content: String!) { chunkPublish(streamId: $streamId, content: $content) }'
const LISTEN = 'subscription ($streamId: String!) { chunks(streamId: $streamId) { seq content } }'

const contestantOf = (server: Holdfast): Contestant => ({
  server,
  url: server.url,
  authorization: server.headers.authorization!,
  open: async () => {
    const { streamOpen } = dataOf<{ streamOpen: { stream: { id: string }; producerToken: string } }>(await server.post(JSON.stringify({ query: OPEN })))
    const { id } = streamOpen.stream
    let afterSeq = -1
    return {
      query: FOLLOW,
      variables: { streamId: id },
      append: async (text) => {
        const input = { id, producerToken: streamOpen.producerToken, afterSeq: afterSeq++, chunks: [{ content: text }] }
        dataOf(await server.post(JSON.stringify({ query: APPEND, variables: { input } })))
      },
    }
  },
})
const ours = contestantOf(holdfast)
const alone = contestantOf(unshared)
let made = 0
const inMemory = (server: Child): Contestant => ({
  server,
  url: server.ready.url!,
  authorization: `Bearer ${server.ready.token}`,
  open: async () => {
    const post = poster(server.ready.url!, 4)
    const streamId = `stream-${made++}`
    return {
      query: LISTEN,
      variables: { streamId },
      append: async (text) => {
        dataOf(await post(JSON.stringify({ query: PUBLISH, variables: { streamId, content: text } }), { authorization: `Bearer ${server.ready.token}` }))
      },
    }
  },
})
const theirs = inMemory(reference)
const broadcast = inMemory(bare)

interface Round {
  /** Chunks received a second, all subscribers together, at full speed. */
  rate: number
  /** Chunks appended a second, at full speed. */
  produced: number
  /** Processor time of the server per chunk received, at full speed. */
  cpuUs: number
  fullMedianMs: number
  /** At a steady pace. */
  medianMs: number
  p95Ms: number
}

async function round(contestant: Contestant, audience: (typeof AUDIENCES)[number]): Promise<Round> {
  const subscribers = await startChild('bench/kit/subscribers.ts', {}, 'listens')
  const tell = (order: Order) => subscribers.ask<Figures>(order)
  try {
    const producer = await contestant.open()
    await tell({
      kind: 'open',
      url: `${contestant.url.replace('http', 'ws')}/graphql`,
      authorization: contestant.authorization,
      query: producer.query,
      variables: producer.variables,
      sockets: audience.sockets,
      perSocket: audience.subscribers / audience.sockets,
    })
    let seq = -1
    const append = async (text = content()) => {
      await producer.append(text)
      seq++
    }
    // Not every server says when a subscription has begun: until a chunk has reached all.
    const deadline = now() + PATIENCE_MS
    do await append()
    while (!(await tell({ kind: 'await', seq, patienceMs: 300 })).complete && now() < deadline)

    await tell({ kind: 'reset' })
    const cpuBefore = await contestant.server.cpuMs()
    const startedAt = now()
    const before = seq
    while (now() - startedAt < FULL_SPEED_MS) await append()
    const producedMs = now() - startedAt
    const full = await tell({ kind: 'await', seq, patienceMs: PATIENCE_MS })
    const cpuMs = (await contestant.server.cpuMs()) - cpuBefore

    const produced = seq - before
    await tell({ kind: 'reset' })
    const steadyAt = now()
    let written = Promise.resolve()
    for (let n = 0; n < STEADY_CHUNKS; n++) {
      await sleep(Math.max(0, steadyAt + (n * 1000) / STEADY_PER_SECOND - now()))
      // Where the one before is not answered yet it waits, and that counts.
      const text = content()
      written = written.then(() => append(text))
    }
    await written
    const steady = await tell({ kind: 'await', seq, patienceMs: PATIENCE_MS })
    if (!full.complete || !steady.complete || steady.faults) throw new Error(`Chunks are missing or came twice: ${JSON.stringify({ full, steady })}`)
    return {
      rate: (full.chunks / (full.lastAt - startedAt)) * 1000,
      produced: (produced / producedMs) * 1000,
      cpuUs: (cpuMs / full.chunks) * 1000,
      fullMedianMs: full.medianMs,
      medianMs: steady.medianMs,
      p95Ms: steady.p95Ms,
    }
  } finally {
    await tell({ kind: 'close' })
    await subscribers.stop()
  }
}

const rows: Record<string, string>[] = []
try {
  for (const audience of AUDIENCES) {
    const mine: Round[] = []
    const other: Round[] = []
    // What sharing brings, and what the least that a server can do would bring: told where there are many to share.
    const [unsharing, least]: [Round[], Round[]] = [[], []]
    for (let n = 0; n < ROUNDS; n++) {
      mine.push(await round(ours, audience))
      other.push(await round(theirs, audience))
      if (audience.subscribers < 1000) continue
      unsharing.push(await round(alone, audience))
      least.push(await round(broadcast, audience))
    }
    const row = (who: string, rounds: Round[]) => {
      const of = (key: keyof Round) => short(median(rounds.map((each) => each[key])))
      return {
        'subscribers (sockets)': `${audience.subscribers} (${audience.sockets}), ${who}`,
        'appended/s': of('produced'),
        'received/s': of('rate'),
        'server µs/chunk': of('cpuUs'),
        'delay at 50/s': `${of('medianMs')} ms`,
        p95: `${of('p95Ms')} ms`,
      }
    }
    const ratios = (name: string, theirs: Round[]) => {
      const ratio = (key: keyof Round) =>
        short(
          medianRatio(
            mine.map((each) => each[key]),
            theirs.map((each) => each[key]),
          ),
        )
      return {
        'subscribers (sockets)': name,
        'appended/s': ratio('produced'),
        'received/s': ratio('rate'),
        'server µs/chunk': ratio('cpuUs'),
        'delay at 50/s': ratio('medianMs'),
        p95: ratio('p95Ms'),
      }
    }
    rows.push(row('Holdfast', mine), row('in memory', other), ratios('… ratio', other))
    if (least.length) rows.push(row('Holdfast, not shared', unsharing), ratios('… ratio', unsharing), row('bare ws broadcast', least), ratios('… ratio', least))
  }
} finally {
  await holdfast.stop()
  await reference.stop()
  await unshared.stop()
  await bare.stop()
  await scratch.drop()
  await aside.drop()
}
console.log(
  `\nOne producer, one chunk a request, each sent when the one before was answered; then ${STEADY_PER_SECOND} a second. Delay: sent to received, commit included.\n`,
)
table(rows)
process.exit()
