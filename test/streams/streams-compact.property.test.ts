import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Chunk, ChunkKind } from '../../src/streams/stream.ts'
import { readChunks, readFirstChunks, readTexts } from '../../src/streams/stream-read.ts'
import { streamsCompact } from '../../src/streams/streams-compact.ts'
import { dialects } from '../kit/databases.ts'
import { APPEND, bare, COMPLETE, open, openTaskWorld, type TaskWorld } from './stream.ts'

const KINDS = ['TEXT', 'REASONING', 'TOOL_CALL', 'TOOL_RESULT', 'DATA'] as const

/** Mostly short pieces of one kind in a row, of letters of one to four bytes; now and then a long one. */
const content = fc.oneof(
  { weight: 20, arbitrary: fc.string({ unit: 'grapheme-composite', minLength: 1, maxLength: 8 }) },
  { weight: 3, arbitrary: fc.constantFrom('ß', '漢字', '👩‍👩‍👧', '\n', ' ', '{"a":"é"}') },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 40_000 }).map((length) => '€x'.repeat(length / 2)) },
)
const runs = fc.array(fc.tuple(fc.constantFrom<ChunkKind>(...KINDS), fc.array(content, { minLength: 1, maxLength: 40 })), { minLength: 1, maxLength: 12 })
/** PostgreSQL and the API take no null characters and no half ones. */
const clean = (text: string) => text.replaceAll('\u0000', '?').replace(/\p{Surrogate}/gu, '?')

describe.each(dialects())('compaction on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  it('shows every reader the same chunks before, during and after, from any place and in pages of any size', async () => {
    const { world, ada } = on
    const { database } = world.app.store
    await fc.assert(
      fc.asyncProperty(runs, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 60 })), { minLength: 3, maxLength: 8 }), async (list, places) => {
        const chunks = list.flatMap(([kind, contents]) => contents.map((each) => ({ kind, content: clean(each) })))
        const stream = await open(world, ada)
        for (let from = 0; from < chunks.length; from += 20)
          await world.does(APPEND, { input: { ...stream, afterSeq: from - 1, chunks: chunks.slice(from, from + 20) } }, ada)
        await world.does(COMPLETE, { input: stream }, ada)
        const id = bare(stream.id)
        const lastSeq = chunks.length - 1
        const pages = places.map(([at, size]) => ({ afterSeq: (at % (chunks.length + 1)) - 1, size }))
        const look = async () => ({
          text: (await readTexts(database, [id])).get(id),
          first: await Promise.all(pages.map(async ({ afterSeq, size }) => (await readFirstChunks(database, [id], afterSeq, size)).get(id))),
          through: await Promise.all(pages.map(({ afterSeq, size }) => readChunks(database, id, afterSeq, Math.min(lastSeq, afterSeq + size), 2048))),
          paged: await Promise.all(
            pages.map(async ({ afterSeq, size }) => {
              const all: Chunk[] = []
              for (let seq = afterSeq; seq < lastSeq; seq = all.at(-1)!.seq) all.push(...(await readChunks(database, id, seq, lastSeq, size)))
              return all
            }),
          ),
        })
        const before = await look()
        expect(before.paged[0]).toEqual(before.paged[0]!.map((chunk) => ({ ...chunk, ...chunks[chunk.seq] })))
        const compacting = streamsCompact(world.app.store, { afterMinutes: 0 })
        const during = await look()
        await compacting
        while (!(await world.client.stream.findUniqueOrThrow({ where: { id } })).compactedAtMs) await streamsCompact(world.app.store, { afterMinutes: 0 })
        expect(during).toEqual(before)
        expect(await look()).toEqual(before)
      }),
      { numRuns: 25 },
    )
  }, 120_000)
})
