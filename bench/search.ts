/**
 * Searching by words: collections of Holdfast against the statement that one would write by hand on the same database (FTS5 with bm25 and
 * snippet, tsvector with ts_rank and ts_headline), and against two engines in memory. Then by words and meaning together: against that
 * statement and, after it, a scan of the vectors (sqlite-vec in a statement; on PostgreSQL a loop over what lies in memory).
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Actor } from '../src/core/actor.ts'
import { newId } from '../src/core/ids.ts'
import { type Database, type Dialect, openDatabase } from '../src/db/database.ts'
import { openStore, type Store } from '../src/events/store.ts'
import { reading, transact } from '../src/events/transact.ts'
import { Prisma } from '../src/generated/sqlite/client.ts'
import { spaceOf } from '../src/search/collection.ts'
import { collectionCreate } from '../src/search/collection-create.ts'
import { documentsWrite } from '../src/search/documents-write.ts'
import { search } from '../src/search/search.ts'
import { fromBytes, toBytes } from '../src/vectors/vector-bytes.ts'
import { dialects, scratchDatabase } from '../test/kit/databases.ts'
import { type BenchDocument, type BenchQuery, benchDocuments, benchQueries } from './kit/search-texts.ts'
import { median, quantile, short, table } from './kit/stats.ts'

const DOCUMENTS = Number(process.env.SEARCH_DOCUMENTS ?? 100_000)
const QUERIES = Number(process.env.SEARCH_QUERIES ?? 60)
/** Of each kind, before it is measured. */
const WARMING = 5
const BATCH = 500
const FOUND = 10
const HYBRID = 'any of five, and meaning'
const KINDS = ['a word', 'two words', 'any of five', HYBRID]
const MODEL = 'bench/directions'
const DIMENSIONS = 384

interface Side {
  name: string
  fill(documents: Iterable<BenchDocument>): Promise<void>
  /** Null: it does not compare vectors. */
  fillVectors: (() => Promise<void>) | null
  ask(query: BenchQuery): Promise<unknown>
}

function* batches(documents: Iterable<BenchDocument>): Generator<BenchDocument[]> {
  let batch: BenchDocument[] = []
  for (const document of documents) {
    batch.push(document)
    if (batch.length === BATCH) {
      yield batch
      batch = []
    }
  }
  if (batch.length) yield batch
}

async function ours(store: Store): Promise<Side> {
  const userId = newId()
  const now = BigInt(Date.now())
  await store.database.client.user.create({
    data: { id: userId, email: 'a@example.com', displayName: 'a', preferences: {}, createdAtMs: now, updatedAtMs: now },
  })
  const actor: Actor = { kind: 'deputy', userId, role: 'USER' }
  const { result: collection } = await transact(store, actor, (work) => collectionCreate(work, { name: 'bench' }))
  // What a model would take is no part of it.
  const embedders = { find: async () => ({ embed: async ([text]: string[]) => [directionOf(text!)] }) } as never
  return {
    name: 'Holdfast',
    fill: async (documents) => {
      for (const batch of batches(documents)) await transact(store, actor, (work) => documentsWrite(work, collection, batch, 'FAIL'))
    },
    fillVectors: () => vectorsFill(store.database, userId, spaceOf(collection.id)),
    ask: ({ kind, words }) =>
      search(
        reading(store, actor),
        { store, embedders },
        { mode: kind === HYBRID ? 'HYBRID' : 'TEXT', query: words.join(' '), match: isOfAny(kind) ? 'ANY' : 'ALL', limit: FOUND },
      ),
  }
}

const isOfAny = (kind: string): boolean => kind === 'any of five' || kind === HYBRID

/** Some direction, the same for the same text. */
function directionOf(text: string): Float32Array {
  let state = 7
  for (const character of text) state = (Math.imul(state, 31) + character.charCodeAt(0)) | 0
  const numbers = Float32Array.from({ length: DIMENSIONS }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return state / 2 ** 31
  })
  const length = Math.hypot(...numbers)
  return numbers.map((number) => number / length)
}

/** A set that answers, of some directions: what the server writes as it embeds. */
async function vectorsFill({ client, rows, sql }: Database, ownerId: string, space: string): Promise<void> {
  const setId = newId()
  const values = { id: setId, ownerId, space, model: MODEL, dimensions: DIMENSIONS, version: 1n, isListed: true, createdAtMs: 1n, liveAtMs: 1n }
  await client.vectorSet.create({ data: { ...values, status: 'LIVE' } })
  const items = await rows<{ id: string }>(
    Prisma.sql`SELECT "item"."id" FROM "TextItem" AS "item" JOIN "TextSpace" AS "space" ON "space"."no" = "item"."spaceNo" WHERE "space"."key" = ${space}`,
  )
  for (let from = 0; from < items.length; from += BATCH) {
    const ids = items.slice(from, from + BATCH).map(({ id }) => id)
    const made = sql.table('made', {
      itemId: { kind: 'text', values: ids },
      bytes: { kind: 'bytes', values: ids.map((id) => toBytes(directionOf(id))) },
    })
    await client.$executeRaw(Prisma.sql`INSERT INTO "Vector" ("setId", "itemId", "version", "bytes") SELECT ${setId}, "itemId", 1, "bytes" FROM ${made}`)
  }
  await client.vectorSet.update({ where: { id: setId }, data: { items: items.length } })
}

/** All directions one after the other, and the nearest 10. */
async function rawScan({ dialect, client, rows, rowsAside, sql }: Database): Promise<(query: string) => Promise<unknown>> {
  const vectors = await rows<{ bytes: Uint8Array }>(Prisma.sql`SELECT "bytes" FROM "Vector"`)
  if (dialect === 'sqlite') {
    await client.$executeRawUnsafe('CREATE TABLE "RawVector" ("id" INTEGER PRIMARY KEY, "bytes" BLOB NOT NULL)')
    for (let from = 0; from < vectors.length; from += BATCH) {
      const made = sql.table('made', { bytes: { kind: 'bytes', values: vectors.slice(from, from + BATCH).map(({ bytes }) => bytes) } })
      await client.$executeRaw(Prisma.sql`INSERT INTO "RawVector" ("bytes") SELECT "bytes" FROM ${made}`)
    }
    return (query) => rowsAside(Prisma.sql`SELECT "id" FROM "RawVector" ORDER BY vec_distance_cosine("bytes", ${toBytes(directionOf(query))}) LIMIT ${FOUND}`)
  }
  const all = new Float32Array(vectors.length * DIMENSIONS)
  for (const [i, { bytes }] of vectors.entries()) all.set(fromBytes(bytes), i * DIMENSIONS)
  return async (query) => {
    const direction = directionOf(query)
    const best: { row: number; score: number }[] = []
    for (let row = 0; row < vectors.length; row++) {
      let score = 0
      for (let d = 0; d < DIMENSIONS; d++) score += all[row * DIMENSIONS + d]! * direction[d]!
      if (best.length === FOUND && score <= best[FOUND - 1]!.score) continue
      best.push({ row, score })
      best.sort((a, b) => b.score - a.score)
      best.length = Math.min(best.length, FOUND)
    }
    return best
  }
}

/** What is in the way of nobody else: one table, all that is in it searched. */
async function raw(database: Database): Promise<Side> {
  const { dialect, client, rows, sql } = database
  let scan: (query: string) => Promise<unknown>
  const asked = (ofWords: (query: BenchQuery) => Promise<unknown>) => async (query: BenchQuery) => {
    const found = await ofWords(query)
    return query.kind === HYBRID ? [found, await scan(query.words.join(' '))] : found
  }
  const fillVectors = async () => {
    scan = await rawScan(database)
  }
  const values = (batch: readonly BenchDocument[]) =>
    sql.table('new', {
      title: { kind: 'text', values: batch.map(({ title }) => title) },
      content: { kind: 'text', values: batch.map(({ content }) => content) },
    })
  const insert = async (documents: Iterable<BenchDocument>) => {
    for (const batch of batches(documents)) await client.$executeRaw(Prisma.sql`INSERT INTO "Raw" ("title", "content") SELECT * FROM ${values(batch)}`)
  }
  if (dialect === 'sqlite') {
    await client.$executeRawUnsafe(`CREATE VIRTUAL TABLE "Raw" USING fts5("title", "content", tokenize = 'porter unicode61')`)
    return {
      name: 'the statement',
      fill: insert,
      fillVectors,
      ask: asked(({ kind, words }) => {
        const query = words.map((word) => `"${word}"`).join(isOfAny(kind) ? ' OR ' : ' ')
        return rows(
          Prisma.sql`SELECT "rowid", bm25("Raw", 3, 1), snippet("Raw", 1, '<b>', '</b>', '…', 40) FROM "Raw" WHERE "Raw" MATCH ${query} ORDER BY bm25("Raw", 3, 1) LIMIT ${FOUND}`,
        )
      }),
    }
  }
  await client.$executeRawUnsafe(`CREATE TABLE "Raw" (id serial PRIMARY KEY, title text, content text,
    terms tsvector GENERATED ALWAYS AS (setweight(to_tsvector('english', title), 'A') || to_tsvector('english', content)) STORED)`)
  await client.$executeRawUnsafe(`CREATE INDEX ON "Raw" USING gin (terms)`)
  return {
    name: 'the statement',
    fill: insert,
    fillVectors,
    ask: asked(({ kind, words }) => {
      const query = Prisma.sql`to_tsquery('english', ${words.join(isOfAny(kind) ? ' | ' : ' & ')})`
      return rows(Prisma.sql`SELECT id, rank, ts_headline('english', content, ${query}) FROM (
        SELECT id, content, ts_rank(terms, ${query}, 1) AS rank FROM "Raw" WHERE terms @@ ${query} ORDER BY rank DESC LIMIT ${FOUND}) AS best`)
    }),
  }
}

const peers = path.join(import.meta.dirname, 'peers/search')

/** From where they are installed on first use. */
async function peer(name: string, entry: string) {
  const file = path.join(peers, 'node_modules', name, entry)
  if (!existsSync(file)) spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], { cwd: peers, stdio: 'inherit' })
  return import(file)
}

async function orama(): Promise<Side> {
  const { create, insertMultiple, search: find } = await peer('@orama/orama', 'dist/esm/index.js')
  const db = create({ schema: { title: 'string', content: 'string' }, language: 'english' })
  return {
    name: '@orama/orama, in memory',
    fill: async (documents) => {
      for (const batch of batches(documents)) await insertMultiple(db, batch, BATCH)
    },
    fillVectors: null,
    ask: ({ kind, words }) => find(db, { term: words.join(' '), limit: FOUND, threshold: kind === 'any of five' ? 1 : 0, boost: { title: 3 } }),
  }
}

async function miniSearch(): Promise<Side> {
  const { default: MiniSearch } = await peer('minisearch', 'dist/es/index.js')
  const index = new MiniSearch({ fields: ['title', 'content'], searchOptions: { boost: { title: 3 } } })
  let id = 0
  return {
    name: 'MiniSearch, in memory',
    fill: async (documents) => {
      for (const batch of batches(documents)) index.addAll(batch.map((document) => ({ id: id++, ...document })))
    },
    fillVectors: null,
    ask: async ({ kind, words }) => index.search(words.join(' '), { combineWith: kind === 'any of five' ? 'OR' : 'AND' }).slice(0, FOUND),
  }
}

interface Measured {
  name: string
  perSecond: number
  /** Milliseconds, in the order of the queries. */
  times: Map<string, number[]>
}

async function measured(sides: readonly Side[]): Promise<Measured[]> {
  const results: Measured[] = []
  for (const { name, fill, fillVectors } of sides) {
    const from = performance.now()
    await fill(benchDocuments(DOCUMENTS))
    results.push({ name, perSecond: DOCUMENTS / ((performance.now() - from) / 1000), times: new Map(KINDS.map((kind) => [kind, []])) })
    await fillVectors?.()
  }
  for (const query of benchQueries(WARMING)) for (const { ask, fillVectors } of sides) if (query.kind !== HYBRID || fillVectors) await ask(query)
  // In turns, so that what slows the machine down slows all of them down.
  for (const query of benchQueries(QUERIES)) {
    for (const [i, { ask, fillVectors }] of sides.entries()) {
      if (query.kind === HYBRID && !fillVectors) continue
      const from = performance.now()
      await ask(query)
      results[i]!.times.get(query.kind)!.push(performance.now() - from)
    }
  }
  return results
}

async function onDatabase(dialect: Dialect): Promise<Measured[]> {
  const scratch = await scratchDatabase(dialect)
  const database = await openDatabase({ url: scratch.url })
  const store = await openStore(database, { warn: console.error })
  try {
    return await measured([await ours(store), await raw(database)])
  } finally {
    await store.close()
    await scratch.drop()
  }
}

const rows: Record<string, string>[] = []
const show = (where: string, all: readonly Measured[], reference: Measured) => {
  for (const { name, perSecond, times } of all) {
    const row: Record<string, string> = { [`search, ${DOCUMENTS.toLocaleString('en')} documents`]: `${name}${where}`, 'documents/s': short(perSecond) }
    for (const kind of KINDS) {
      const own = times.get(kind)!
      const p95 = quantile(own, 0.95)
      row[`${kind}: ms, median / p95`] = own.length ? `${short(median(own))} / ${short(p95)}` : ''
      row[`${kind}: p95 ratio`] = own.length ? short(p95 / quantile(reference.times.get(kind)!, 0.95)) : ''
    }
    rows.push(row)
  }
}

for (const dialect of dialects()) {
  const all = await onDatabase(dialect)
  show(dialect === 'sqlite' ? ', SQLite' : ', PostgreSQL', all, all[1]!)
}
for (const start of [orama, miniSearch]) {
  const [alone] = await measured([await start()])
  show('', [alone!], alone!)
}
table(rows)
process.exit()
