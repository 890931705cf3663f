/**
 * What writing costs: tasks made and chunks appended over HTTP, one after the other and 50 at a time, against the reference's
 * naive Prisma creates on the same kind of database; and the same insert with and without an event in the log.
 */

import { server } from '../src/core/actor.ts'
import { newId } from '../src/core/ids.ts'
import { type Dialect, openDatabase } from '../src/db/database.ts'
import { openStore } from '../src/events/store.ts'
import { transact } from '../src/events/transact.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../test/kit/databases.ts'
import { type Child, startChild } from './kit/child.ts'
import { startHoldfast } from './kit/holdfast.ts'
import { burst, dataOf, type Post, perSecond, poster } from './kit/load.ts'
import { median, medianRatio, short, table } from './kit/stats.ts'

const MANY = 50
const WRITERS = [1, 10]
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
const ROUND_MS = Number(process.env.BENCH_ROUND_MS ?? 280)

type Synchronous = 'FULL' | 'NORMAL'
interface Setting {
  name: string
  dialect: Dialect
  synchronous: Synchronous
}
const SETTINGS: Setting[] = dialects().flatMap((dialect): Setting[] =>
  dialect === 'sqlite'
    ? [
        { name: 'SQLite FULL', dialect, synchronous: 'FULL' },
        { name: 'SQLite NORMAL', dialect, synchronous: 'NORMAL' },
      ]
    : [{ name: 'PostgreSQL', dialect, synchronous: 'FULL' }],
)

/** Writes one thing as one of so many writers. */
type Write = (writer: number) => Promise<unknown>
interface Side {
  server: Child
  task: Write
  chunk: Write
}

async function ours(scratch: ScratchDatabase, synchronous: Synchronous): Promise<Side> {
  const holdfast = await startHoldfast(scratch.url, { SQLITE_SYNCHRONOUS: synchronous }, MANY)
  const ask = async <Data>(query: string, variables: object = {}) => dataOf<Data>(await holdfast.post(JSON.stringify({ query, variables })))
  const OPEN = 'mutation { streamOpen(input: {}) { stream { id } producerToken userErrors { message } } }'
  const streams = await Promise.all(
    Array.from({ length: MANY }, async () => {
      const { streamOpen } = await ask<{ streamOpen: { stream: { id: string }; producerToken: string } }>(OPEN)
      return { id: streamOpen.stream.id, producerToken: streamOpen.producerToken, afterSeq: -1 }
    }),
  )
  const CREATE = 'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id status } userErrors { message } } }'
  const APPEND = 'mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { message } } }'
  return {
    server: holdfast,
    task: () => ask(CREATE, { input: { type: 'text.generate', params: { prompt: 'x' }, runImmediately: false } }),
    chunk: (writer) => {
      const stream = streams[writer]!
      const input = { ...stream, chunks: [{ content: 'and then she said ' }] }
      stream.afterSeq++
      return ask(APPEND, { input })
    },
  }
}

/** On a database with a user and as many streams. */
async function theirs(scratch: ScratchDatabase, synchronous: Synchronous): Promise<Side> {
  const database = await openDatabase({ url: scratch.url })
  const ownerId = newId()
  const now = BigInt(Date.now())
  await database.client.user.create({
    data: { id: ownerId, email: 'user@example.com', displayName: 'user', preferences: {}, createdAtMs: now, updatedAtMs: now },
  })
  const streams = Array.from({ length: MANY }, () => ({ id: newId(), seq: 0 }))
  for (const { id } of streams) await database.client.stream.create({ data: { id, ownerId, producer: 'OUTSIDE', status: 'STREAMING', createdAtMs: now } })
  await database.close()

  const reference = await startChild('bench/kit/reference.ts', { DATABASE_URL: scratch.url, SQLITE_SYNCHRONOUS: synchronous }, 'url')
  const post: Post = poster(reference.ready.url!, MANY)
  const headers = { authorization: `Bearer ${reference.ready.token}` }
  const ask = async (query: string, variables: object) => dataOf(await post(JSON.stringify({ query, variables }), headers))
  const CREATE = 'mutation ($ownerId: String!, $type: String!) { taskCreate(ownerId: $ownerId, type: $type) { id status } }'
  const APPEND = 'mutation ($streamId: String!, $seq: Int!, $content: String!) { chunkCreate(streamId: $streamId, seq: $seq, content: $content) }'
  return {
    server: reference,
    task: () => ask(CREATE, { ownerId, type: 'text.generate' }),
    chunk: (writer) => ask(APPEND, { streamId: streams[writer]!.id, seq: streams[writer]!.seq++, content: 'and then she said ' }),
  }
}

interface Round {
  rate: number
  cpuUs: number
}

async function round(side: Side, what: 'task' | 'chunk', writers: number, forMs = ROUND_MS): Promise<Round> {
  const before = await side.server.cpuMs()
  const done = await burst(writers, forMs, side[what])
  return { rate: perSecond(done), cpuUs: (((await side.server.cpuMs()) - before) / done.count) * 1000 }
}

async function overHttp({ name, dialect, synchronous }: Setting): Promise<Record<string, string>[]> {
  const scratches = [await scratchDatabase(dialect), await scratchDatabase(dialect)] as const
  const [mine, other] = await Promise.all([ours(scratches[0], synchronous), theirs(scratches[1], synchronous)])
  const rows: Record<string, string>[] = []
  try {
    for (const what of ['task', 'chunk'] as const) {
      for (const writers of [1, MANY]) {
        const rounds: [Round, Round][] = []
        for (let n = -1; n < ROUNDS; n++) {
          const pair: [Round, Round] = [await round(mine, what, writers), await round(other, what, writers)]
          if (n >= 0) rounds.push(pair)
        }
        const of = (side: 0 | 1, key: keyof Round) => rounds.map((pair) => pair[side][key])
        rows.push({
          written: `${what === 'task' ? 'taskCreate' : 'streamAppend'}, ${writers === 1 ? 'one by one' : `${writers} at a time`}, ${name}`,
          'Holdfast/s': short(median(of(0, 'rate'))),
          'naive/s': short(median(of(1, 'rate'))),
          ratio: short(medianRatio(of(0, 'rate'), of(1, 'rate'))),
          'Holdfast µs': short(median(of(0, 'cpuUs'))),
          'naive µs': short(median(of(1, 'cpuUs'))),
          'CPU ratio': short(medianRatio(of(0, 'cpuUs'), of(1, 'cpuUs'))),
        })
      }
    }
  } finally {
    await mine.server.stop()
    await other.server.stop()
    for (const scratch of scratches) await scratch.drop()
  }
  return rows
}

/** The same small insert in a transaction of its own, in this process, with an event and without. */
async function ofTheLog({ name, dialect, synchronous }: Setting): Promise<Record<string, string>[]> {
  const scratch = await scratchDatabase(dialect)
  const store = await openStore(await openDatabase({ url: scratch.url, synchronous }), { warn: console.error })
  const rows: Record<string, string>[] = []
  const write = (withEvent: boolean) => () =>
    transact(store, server, async (work) => {
      const id = newId()
      await work.db.$executeRaw`INSERT INTO "LoginFailure" ("id", "accountHash", "failedAtMs") VALUES (${id}, 'x', 0)`
      if (withEvent) work.events.push({ kind: 'THING_MADE', subjectType: 'Thing', subjectId: id, ownerId: null, data: { status: 'MADE', attempt: 0 } })
    })
  try {
    for (const writers of WRITERS) {
      const rates: [number, number][] = []
      for (let n = -1; n < ROUNDS; n++) {
        const pair: [number, number] = [perSecond(await burst(writers, ROUND_MS, write(true))), perSecond(await burst(writers, ROUND_MS, write(false)))]
        if (n >= 0) rates.push(pair)
      }
      const [withEvent, without] = [rates.map((pair) => pair[0]), rates.map((pair) => pair[1])]
      rows.push({
        'an insert in a transaction': `${writers} ${writers === 1 ? 'writer' : 'writers'}, ${name}`,
        'with an event/s': short(median(withEvent)),
        'without/s': short(median(without)),
        ratio: short(medianRatio(withEvent, without)),
      })
    }
  } finally {
    await store.close()
    await scratch.drop()
  }
  return rows
}

const written: Record<string, string>[] = []
const log: Record<string, string>[] = []
for (const setting of SETTINGS) {
  written.push(...(await overHttp(setting)))
  log.push(...(await ofTheLog(setting)))
}
console.log(
  '\nOver HTTP. Holdfast’s task comes with an event and a cursor, its chunk is followable; the naive ones are a row. µs: processor time of the server.\n',
)
table(written)
console.log('\nWhat the log of events costs: the counter row is held from the last statement to the commit.\n')
table(log)
process.exit()
