/**
 * Searching by words: collections of Holdfast against the statement that one would write by hand on the same database (FTS5 with bm25 and
 * snippet, tsvector with ts_rank and ts_headline), and against an engine in memory.
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
import { collectionCreate } from '../src/search/collection-create.ts'
import { documentsWrite } from '../src/search/documents-write.ts'
import { search } from '../src/search/search.ts'
import { dialects, scratchDatabase } from '../test/kit/databases.ts'
import { type BenchDocument, type BenchQuery, benchDocuments, benchQueries } from './kit/search-texts.ts'
import { median, quantile, short, table } from './kit/stats.ts'

const DOCUMENTS = Number(process.env.SEARCH_DOCUMENTS ?? 100_000)
const QUERIES = Number(process.env.SEARCH_QUERIES ?? 60)
const BATCH = 500
const FOUND = 10
const KINDS = ['a word', 'two words', 'any of five']

interface Side {
  name: string
  fill(documents: Iterable<BenchDocument>): Promise<void>
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
  return {
    name: 'Holdfast',
    fill: async (documents) => {
      for (const batch of batches(documents)) await transact(store, actor, (work) => documentsWrite(work, collection, batch, 'FAIL'))
    },
    ask: ({ kind, words }) =>
      // By words alone no model is asked.
      search(
        reading(store, actor),
        { store, embedders: null as never },
        { mode: 'TEXT', query: words.join(' '), match: kind === 'any of five' ? 'ANY' : 'ALL', limit: FOUND },
      ),
  }
}

/** What is in the way of nobody else: one table, all that is in it searched. */
async function raw({ dialect, client, rows, sql }: Database): Promise<Side> {
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
      ask: ({ kind, words }) => {
        const query = words.map((word) => `"${word}"`).join(kind === 'any of five' ? ' OR ' : ' ')
        return rows(
          Prisma.sql`SELECT "rowid", bm25("Raw", 3, 1), snippet("Raw", 1, '<b>', '</b>', '…', 40) FROM "Raw" WHERE "Raw" MATCH ${query} ORDER BY bm25("Raw", 3, 1) LIMIT ${FOUND}`,
        )
      },
    }
  }
  await client.$executeRawUnsafe(`CREATE TABLE "Raw" (id serial PRIMARY KEY, title text, content text,
    terms tsvector GENERATED ALWAYS AS (setweight(to_tsvector('english', title), 'A') || to_tsvector('english', content)) STORED)`)
  await client.$executeRawUnsafe(`CREATE INDEX ON "Raw" USING gin (terms)`)
  return {
    name: 'the statement',
    fill: insert,
    ask: ({ kind, words }) => {
      const query = Prisma.sql`to_tsquery('english', ${words.join(kind === 'any of five' ? ' | ' : ' & ')})`
      return rows(Prisma.sql`SELECT id, rank, ts_headline('english', content, ${query}) FROM (
        SELECT id, content, ts_rank(terms, ${query}, 1) AS rank FROM "Raw" WHERE terms @@ ${query} ORDER BY rank DESC LIMIT ${FOUND}) AS best`)
    },
  }
}

async function orama(): Promise<Side> {
  const folder = path.join(import.meta.dirname, 'peers/search')
  const entry = path.join(folder, 'node_modules/@orama/orama')
  if (!existsSync(entry)) spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], { cwd: folder, stdio: 'inherit' })
  const { create, insertMultiple, search: find } = await import(path.join(entry, 'dist/esm/index.js'))
  const db = create({ schema: { title: 'string', content: 'string' }, language: 'english' })
  return {
    name: '@orama/orama, in memory',
    fill: async (documents) => {
      for (const batch of batches(documents)) await insertMultiple(db, batch, BATCH)
    },
    ask: ({ kind, words }) => find(db, { term: words.join(' '), limit: FOUND, threshold: kind === 'any of five' ? 1 : 0, boost: { title: 3 } }),
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
  for (const { name, fill } of sides) {
    const from = performance.now()
    await fill(benchDocuments(DOCUMENTS))
    results.push({ name, perSecond: DOCUMENTS / ((performance.now() - from) / 1000), times: new Map(KINDS.map((kind) => [kind, []])) })
  }
  // In turns, so that what slows the machine down slows all of them down.
  for (const query of benchQueries(QUERIES)) {
    for (const [i, { ask }] of sides.entries()) {
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
      const p95 = quantile(times.get(kind)!, 0.95)
      row[`${kind}: ms, median / p95`] = `${short(median(times.get(kind)!))} / ${short(p95)}`
      row[`${kind}: p95 ratio`] = short(p95 / quantile(reference.times.get(kind)!, 0.95))
    }
    rows.push(row)
  }
}

for (const dialect of dialects()) {
  const all = await onDatabase(dialect)
  show(dialect === 'sqlite' ? ', SQLite' : ', PostgreSQL', all, all[1]!)
}
const [peer] = await measured([await orama()])
show('', [peer!], peer!)
table(rows)
process.exit()
