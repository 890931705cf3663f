/** A real server is killed again and again while it embeds a collection. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { ask, does, register } from '../faults/ask.ts'
import { ServerProcess } from '../faults/server-process.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { invariantsHold } from '../kit/invariants.ts'
import { EmbeddingsServer } from './embeddings-server.ts'

// A taste of it beside other tests; the whole is EMBED_DOCUMENTS=10000 EMBED_KILLS=5.
const DOCUMENTS = Number(process.env.EMBED_DOCUMENTS ?? 1000)
const KILLS = Number(process.env.EMBED_KILLS ?? 2)
const BATCH = 64
const ADD = `mutation ($input: SearchDocumentAddManyInput!) { searchDocumentAddMany(input: $input) { collection { id } userErrors { code message } } }`
const EMBED = `mutation ($input: SearchCollectionEmbedInput!) { searchCollectionEmbed(input: $input) { collection { id } userErrors { code message } } }`
const READ = `query ($id: ID!) { searchCollection(id: $id) { embedding { status vectors pending progress task { status } } } }`

describe.each(dialects())('a collection that is embedded on %s', (dialect) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-embedding-'))
  let scratch: ScratchDatabase
  let model: EmbeddingsServer
  let server: ServerProcess

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    model = await EmbeddingsServer.start()
  })
  afterAll(async () => {
    await server?.kill()
    model.close()
    await scratch.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  const launch = () =>
    ServerProcess.launch({ DATABASE_URL: scratch.url, DATA_DIR: folder, OPENAI_BASE_URL: model.baseUrl, LOCAL_EMBEDDINGS: 'off', ACCESS_TOKEN_MINUTES: '600' })

  test(`is whole after ${KILLS} kills, with no document embedded twice but those under way`, { timeout: 240_000 + DOCUMENTS * 40 }, async () => {
    server = launch()
    const token = await register(await server.ready)
    let id = ''
    for (let from = 0; from < DOCUMENTS; from += 500) {
      const documents = Array.from({ length: Math.min(500, DOCUMENTS - from) }, (_, i) => ({ content: `document number ${from + i}` }))
      id = (await does(await server.ready, ADD, { collection: 'all', createCollection: true, documents }, token)).collection.id
    }
    await does(await server.ready, EMBED, { id, model: 'openai/words-16' }, token)
    for (let kill = 1; kill <= KILLS; kill++) {
      // In the middle: some of it is kept, and a batch is under way.
      while (model.embedded.length < (DOCUMENTS * kill) / (KILLS + 1)) await pause(5)
      model.hold()
      const before = model.calls
      await model.called(before + (before === model.calls ? 1 : 0))
      await server.kill()
      model.release()
      server = launch()
      await server.ready
    }
    for (;;) {
      const { embedding } = (await ask(await server.ready, READ, { id }, token)).data.searchCollection
      if (embedding.status === 'LIVE' && !embedding.task) {
        expect(embedding).toEqual({ status: 'LIVE', vectors: DOCUMENTS, pending: 0, progress: 1, task: null })
        break
      }
      await pause(50)
    }
    await server.kill()
    const database = await openDatabase({ url: scratch.url, exclusive: false, poolSize: 2 })
    try {
      const [row] = await database.rows<{ vectors: number; chunks: number; missing: number }>(Prisma.sql`
        SELECT (SELECT COUNT(*) FROM "Vector") AS "vectors", (SELECT COUNT(*) FROM "SearchChunk") AS "chunks",
          (SELECT COUNT(*) FROM "SearchChunk" WHERE "id" NOT IN (SELECT "itemId" FROM "Vector")) AS "missing"`)
      expect(row).toEqual({ vectors: DOCUMENTS, chunks: DOCUMENTS, missing: 0 })
    } finally {
      await database.close()
    }
    expect(new Set(model.embedded).size).toBe(DOCUMENTS)
    expect(model.embedded.length).toBeLessThanOrEqual(DOCUMENTS + KILLS * BATCH)
    await invariantsHold(scratch.url)
  })
})
