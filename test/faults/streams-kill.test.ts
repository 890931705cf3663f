/**
 * Streams at fifty chunks a second, half of them written by programs elsewhere and half by a model, on a server that is
 * killed again and again, with readers whose sockets are cut besides: every byte reaches every reader once, and every call of the
 * model is one row of usage.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { newId } from '../../src/core/ids.ts'
import { openDatabase } from '../../src/db/database.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { invariantsHold } from '../kit/invariants.ts'
import { ask, type Data, register } from './ask.ts'
import { Gate } from './clients.ts'
import { ServerProcess } from './server-process.ts'
import { SlowModel, wordsOf } from './slow-model.ts'

// A taste of it beside other tests; the whole is KILLS=30 STREAMS=100, which wants two processors for itself.
const KILLS = Number(process.env.KILLS ?? (process.env.CI ? 5 : 3))
const STREAMS = Number(process.env.STREAMS ?? 20)
const OUTSIDE = STREAMS / 2
const GENERATED = STREAMS / 2
const CHUNK_EVERY_MS = 20
/** How often each reader of an outside stream loses its socket. */
const CUTS = 5
const FINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED']

interface Call {
  taskId: string
  attempt: number
  status: string
  outputTokens: number
  isCounted: boolean | number
  streamStatus: string
  streamAttempt: number
}

describe.each(dialects())('many streams on %s', (dialect) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-streams-'))
  const gate = new Gate()
  let scratch: ScratchDatabase
  let model: SlowModel
  let server: ServerProcess
  let token = ''
  let stopping = false
  /** What the reader of each stream was told. */
  const read = new Map<string, string[]>()
  const faults: string[] = []
  /** How many words of the model were heard. */
  let said = 0

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    model = await SlowModel.start(CHUNK_EVERY_MS)
  })
  afterAll(async () => {
    await server?.kill()
    model.close()
    await scratch.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  const launch = () =>
    ServerProcess.launch({
      DATABASE_URL: scratch.url,
      DATA_DIR: folder,
      OPENAI_BASE_URL: model.baseUrl,
      TASK_CONCURRENCY: String(2 * GENERATED),
      ACCESS_TOKEN_MINUTES: '600',
    })

  /** Sends until it is acknowledged; `doneBefore`: the refusal that, at a second sending, means that the first had arrived. */
  async function does(query: string, input: object, doneBefore?: string): Promise<Data> {
    for (let sent = 0; ; sent++) {
      const answer = await ask(await gate.url, query, { input }, token).catch(() => null)
      if (!answer) continue
      const payload = Object.values(answer.data ?? {})[0] as Data
      const refusal = answer.errors?.[0]?.message ?? payload?.userErrors?.[0]?.code
      if (refusal && !(sent > 0 && refusal === doneBefore)) faults.push(`${query.slice(0, 50)} was refused after ${sent} tries: ${refusal}`)
      return payload
    }
  }

  /** To the end of the stream, through whatever happens to the socket; answers its final status. */
  async function follow(id: string, cuts: number, heard: () => void = () => {}): Promise<string> {
    const contents: string[] = []
    read.set(id, contents)
    const cutAt = new Set(Array.from({ length: cuts }, () => randomInt(1, 60 * KILLS)))
    for (;;) {
      const client = createClient({
        url: (await gate.url).replace('http', 'ws').concat('/graphql'),
        webSocketImpl: WebSocket,
        connectionParams: { authorization: token },
        retryAttempts: 0,
        lazyCloseTimeout: 0,
      })
      try {
        for await (const { data, errors } of client.iterate<Data>({ query: CHUNKS, variables: { id, afterSeq: contents.length - 1 } })) {
          if (errors) {
            faults.push(`${id}: ${errors[0]!.message}`)
            return 'COMPLETED'
          }
          let cut = false
          for (const { seq, content } of data.streamChunks.chunks) {
            if (seq !== contents.length) faults.push(`${id}: was told seq ${seq} after ${contents.length - 1}`)
            contents.push(content)
            heard()
            cut ||= cutAt.delete(contents.length)
          }
          if (FINAL.includes(data.streamChunks.status)) return data.streamChunks.status
          if (cut) break
        }
      } catch {
        // The server is gone, or the socket is.
      } finally {
        client.terminate()
        void client.dispose()
      }
    }
  }

  /** One program elsewhere, at its pace, with all that came due while the server was away. */
  async function writeOutside(number: number): Promise<[string, string[]]> {
    const id = `Stream:${newId()}`
    const { producerToken } = await does(OPEN, { id })
    const reading = follow(id, CUTS)
    const written: string[] = []
    const startedAt = performance.now()
    while (!stopping) {
      const due = Math.min(200, Math.floor((performance.now() - startedAt) / CHUNK_EVERY_MS) - written.length)
      if (due > 0) {
        const chunks = Array.from({ length: due }, (_, i) => ({ content: `${number}/${written.length + i} ☂ ` }))
        await does(APPEND, { id, producerToken, afterSeq: written.length - 1, chunks }, 'STREAM_SEQ_MISMATCH')
        written.push(...chunks.map(({ content }) => content))
      }
      await pause(CHUNK_EVERY_MS)
    }
    await does(COMPLETE, { id, producerToken, afterSeq: written.length - 1 }, 'STREAM_NOT_OPEN')
    expect(await reading).toBe('COMPLETED')
    return [id, written]
  }

  /** One answer of the model after the other; each is read through all its attempts. */
  async function generate(): Promise<void> {
    while (!stopping) {
      const words = randomInt(40, 160)
      const id = `Task:${newId()}`
      let streamId = (await does(CREATE, { id, type: 'text.generate', params: { prompt: String(words) }, maxAttempts: 100 })).task.streams.nodes[0].id as string
      while ((await follow(streamId, 1, () => void said++)) !== 'COMPLETED') streamId = await nextStream(id, streamId)
      if (read.get(streamId)!.join('') !== wordsOf(words)) faults.push(`${id}: another text than the model’s`)
    }
  }

  async function nextStream(taskId: string, streamId: string): Promise<string> {
    for (;;) {
      const answer = await ask(await gate.url, NEWEST, { id: taskId }, token).catch(() => null)
      const newest = answer?.data?.task.streams.nodes.at(-1)?.id as string | undefined
      if (newest && newest !== streamId) return newest
      await pause(100)
    }
  }

  test(`reach every reader whole through ${KILLS} kills, and every call is one row of usage`, { timeout: 180_000 + KILLS * 40_000 }, async () => {
    server = launch()
    const url = await server.ready
    token = await register(url)
    gate.open(url)
    const outside = Promise.all(Array.from({ length: OUTSIDE }, (_, number) => writeOutside(number)))
    const generated = Promise.all(Array.from({ length: GENERATED }, () => generate()))
    for (let kill = 0; kill < KILLS; kill++) {
      // A server that has just started says its first word late, and there would be nothing to interrupt.
      const before = said
      for (const deadline = performance.now() + 20_000; said < before + 5 * GENERATED && performance.now() < deadline; ) await pause(20)
      await pause(randomInt(0, 1000))
      gate.shut()
      await server.kill()
      server = launch()
      gate.open(await server.ready)
    }
    await pause(1000)
    stopping = true
    const written = await outside
    await generated
    expect(faults).toEqual([])
    for (const [id, contents] of written) expect([id, read.get(id)]).toEqual([id, contents])
    await server.kill()

    const database = await openDatabase({ url: scratch.url, exclusive: false, poolSize: 2 })
    try {
      const chunks = await database.rows<{ id: string; content: Uint8Array }>(
        Prisma.sql`SELECT 'Stream:' || "streamId" AS "id", "content" FROM "StreamChunk" ORDER BY "streamId", "seq"`,
      )
      const stored = new Map([...read.keys()].map((id) => [id, [] as string[]]))
      for (const { id, content } of chunks) stored.get(id)?.push(Buffer.from(content).toString())
      for (const [id, contents] of read) expect([id, contents]).toEqual([id, stored.get(id)])

      // A stream without a chunk yet is taken up by the next attempt: so each attempt has its row, and the last one ended as the stream did.
      const calls = await database.rows<Call>(Prisma.sql`
        SELECT "of"."taskId", "of"."attempt", "of"."status", "of"."outputTokens", "of"."isCounted", "Stream"."status" AS "streamStatus", "Stream"."attempt" AS "streamAttempt"
        FROM "ProviderUsage" AS "of" JOIN "Stream" ON "Stream"."id" = "of"."streamId"`)
      expect(new Set(calls.map(({ taskId, attempt }) => `${taskId} ${attempt}`)).size).toBe(calls.length)
      // Some were written down and killed before they were made; none was made without.
      expect(calls.length).toBeGreaterThanOrEqual(model.asked.calls)
      for (const { status, outputTokens, isCounted, streamStatus, streamAttempt, attempt } of calls) {
        expect(status).toBe(Number(attempt) === Number(streamAttempt) ? streamStatus : 'INTERRUPTED')
        expect(Boolean(isCounted)).toBe(status !== 'COMPLETED')
        if (attempt === streamAttempt) expect(Number(outputTokens)).toBeGreaterThan(0)
      }
      // Else nothing was tried here.
      expect(calls.filter(({ status }) => status === 'INTERRUPTED').length).toBeGreaterThan(GENERATED / 2)
      expect(calls.filter(({ status }) => status === 'COMPLETED').length).toBeGreaterThan(0)
      expect(await database.rows(Prisma.sql`SELECT "id" FROM "ProviderUsage" WHERE "status" = 'RUNNING'`)).toEqual([])
    } finally {
      await database.close()
    }
    await invariantsHold(scratch.url)
  })
})

const OPEN = `mutation ($input: StreamOpenInput!) { streamOpen(input: $input) { producerToken userErrors { code } } }`
const APPEND = `mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { code } } }`
const COMPLETE = `mutation ($input: StreamCompleteInput!) { streamComplete(input: $input) { stream { status } userErrors { code } } }`
const CREATE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { streams(first: 1) { nodes { id } } } userErrors { code } } }`
const NEWEST = `query ($id: ID!) { task(id: $id) { streams(last: 1) { nodes { id } } } }`
const CHUNKS = `subscription ($id: ID!, $afterSeq: Int) { streamChunks(streamId: $id, afterSeq: $afterSeq) { chunks { seq content } lastSeq status } }`
