/**
 * One stream and its followers: chunks a second that arrive, and how long a chunk takes from being sent to being received, for
 * 1, 100 and 1,000 subscribers. The reference publishes each chunk as an event in memory and keeps nothing; Holdfast commits
 * each append to SQLite (`synchronous=FULL`) before anyone sees it. For 1,000 also beside Holdfast without sharing and a bare
 * `ws` broadcast, with 50 chunks a request too, so that it is the sending that is measured. They take turns. Last, how long a
 * subscriber takes to catch up with a stream of 10,000 chunks.
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
const PATIENCE_MS = 60_000
const MANY = 50
const BEHIND = 10_000

/** A stream that is open, and how to add to it. */
interface Producer {
  query: string
  variables: object
  /** Appends chunks by one request and waits for the answer. */
  append(contents: string[]): Promise<void>
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
      append: async (contents) => {
        const input = { id, producerToken: streamOpen.producerToken, afterSeq, chunks: contents.map((content) => ({ content })) }
        afterSeq += contents.length
        dataOf(await server.post(JSON.stringify({ query: APPEND, variables: { input } })))
      },
    }
  },
})
const ours = contestantOf(holdfast)
const alone = contestantOf(unshared)
let made = 0
const inMemory = (server: Child, chunksOf: (contents: string[]) => object): Contestant => ({
  server,
  url: server.ready.url!,
  authorization: `Bearer ${server.ready.token}`,
  open: async () => {
    const post = poster(server.ready.url!, 4)
    const streamId = `stream-${made++}`
    return {
      query: LISTEN,
      variables: { streamId },
      append: async (contents) => {
        const variables = { streamId, ...chunksOf(contents) }
        dataOf(await post(JSON.stringify({ query: PUBLISH, variables }), { authorization: `Bearer ${server.ready.token}` }))
      },
    }
  },
})
const theirs = inMemory(reference, ([content]) => ({ content }))
const broadcast = inMemory(bare, (contents) => ({ contents }))

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

async function round(contestant: Contestant, audience: (typeof AUDIENCES)[number], perRequest = 1): Promise<Round> {
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
    const append = async (contents = [content()]) => {
      await producer.append(contents)
      seq += contents.length
    }
    // Not every server says when a subscription has begun: until a chunk has reached all.
    const deadline = now() + PATIENCE_MS
    do await append()
    while (!(await tell({ kind: 'await', seq, patienceMs: 300 })).complete && now() < deadline)

    await tell({ kind: 'reset' })
    const cpuBefore = await contestant.server.cpuMs()
    const startedAt = now()
    const before = seq
    while (now() - startedAt < FULL_SPEED_MS) await append(Array.from({ length: perRequest }, content))
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
      written = written.then(() => append([text]))
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
const crowds: Record<string, string>[] = []
const behind: Record<string, string>[] = []

const row = (who: string, rounds: Round[]) => {
  const of = (key: keyof Round) => short(median(rounds.map((each) => each[key])))
  return {
    'subscribers (sockets)': who,
    'appended/s': of('produced'),
    'received/s': of('rate'),
    'server µs/chunk': of('cpuUs'),
    'delay at 50/s': `${of('medianMs')} ms`,
    p95: `${of('p95Ms')} ms`,
  }
}

const ratios = (name: string, mine: Round[], theirs: Round[]) => {
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

/** What sharing brings, and what the least that a server can do would bring. */
async function crowd(audience: (typeof AUDIENCES)[number], perRequest: number): Promise<void> {
  const [mine, unsharing, least]: [Round[], Round[], Round[]] = [[], [], []]
  for (let n = 0; n < ROUNDS; n++) {
    mine.push(await round(ours, audience, perRequest))
    unsharing.push(await round(alone, audience, perRequest))
    least.push(await round(broadcast, audience, perRequest))
  }
  const name = (who: string) => `${audience.subscribers} (${audience.sockets}), ${perRequest} a request, ${who}`
  crowds.push(row(name('Holdfast'), mine), row(name('not shared'), unsharing), ratios('… ratio', mine, unsharing))
  crowds.push(row(name('bare ws broadcast'), least), ratios('… ratio', mine, least))
}

/** From subscribing to a stream that has its chunks until the last has come; processor time is the server's. */
async function catchUp(): Promise<void> {
  const producer = await ours.open()
  for (let n = 0; n < BEHIND; n += 500) await producer.append(Array.from({ length: 500 }, content))
  const [took, cpu]: [number[], number[]] = [[], []]
  // The first time the server reads and writes for as long for the first time: what is told is the rest.
  for (let n = -3; n < 3 * ROUNDS; n++) {
    const subscribers = await startChild('bench/kit/subscribers.ts', {}, 'listens')
    const tell = (order: Order) => subscribers.ask<Figures>(order)
    const before = await ours.server.cpuMs()
    const startedAt = now()
    const url = `${ours.url.replace('http', 'ws')}/graphql`
    await tell({ kind: 'open', url, authorization: ours.authorization, query: producer.query, variables: producer.variables, sockets: 1, perSocket: 1 })
    const figures = await tell({ kind: 'await', seq: BEHIND - 1, patienceMs: PATIENCE_MS })
    if (!figures.complete || figures.faults) throw new Error(`Chunks are missing or came twice: ${JSON.stringify(figures)}`)
    if (n >= 0) {
      took.push(figures.lastAt - startedAt)
      cpu.push((await ours.server.cpuMs()) - before)
    }
    await subscribers.stop()
  }
  behind.push({ 'a subscriber behind by': `${BEHIND} chunks`, 'caught up in': `${short(median(took))} ms`, 'server CPU': `${short(median(cpu))} ms` })
}

try {
  for (const audience of AUDIENCES) {
    const mine: Round[] = []
    const other: Round[] = []
    for (let n = 0; n < ROUNDS; n++) {
      mine.push(await round(ours, audience))
      other.push(await round(theirs, audience))
    }
    const who = `${audience.subscribers} (${audience.sockets})`
    rows.push(row(`${who}, Holdfast`, mine), row(`${who}, in memory`, other), ratios('… ratio', mine, other))
    if (audience.subscribers < 1000) continue
    for (const perRequest of [1, MANY]) await crowd(audience, perRequest)
  }
  await catchUp()
} finally {
  await holdfast.stop()
  await reference.stop()
  await unshared.stop()
  await bare.stop()
  await scratch.drop()
  await aside.drop()
}
if (rows.length)
  console.log(
    `\nOne producer, one chunk a request, each sent when the one before was answered; then ${STEADY_PER_SECOND} a second. Delay: sent to received, commit included.\n`,
  )
if (rows.length) table(rows)
if (crowds.length) {
  console.log('\nThe same beside Holdfast that executes for each subscriber, and beside a server that does nothing but send.\n')
  table(crowds)
}
console.log('\nOne subscriber, from opening its socket to the last chunk.\n')
table(behind)
process.exit()
