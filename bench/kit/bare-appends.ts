/**
 * The least that a server in Node can do who has an append on disk in SQLite before it answers: no GraphQL, no rights, no lease, no trail. A
 * row a chunk, and one COMMIT (`synchronous=FULL`) for all that arrived while the one before was under way.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import Libsql from 'libsql'

const db = new Libsql(process.env.BARE_FILE!)
for (const pragma of ['journal_mode = WAL', 'synchronous = FULL']) db.prepare(`PRAGMA ${pragma}`).all()
db.exec('CREATE TABLE "Chunk" ("streamId" TEXT NOT NULL, "seq" INTEGER NOT NULL, "content" TEXT NOT NULL, PRIMARY KEY ("streamId", "seq")) WITHOUT ROWID')
const insert = db.prepare('INSERT INTO "Chunk" SELECT ?, COALESCE(MAX("seq"), -1) + 1, ? FROM "Chunk" WHERE "streamId" = ? RETURNING "seq"')

let waiting: { streamId: string; content: string; response: ServerResponse }[] = []
let isCommitting = false

async function commit(): Promise<void> {
  isCommitting = true
  while (waiting.length) {
    await turn()
    const group = waiting
    waiting = []
    db.exec('BEGIN IMMEDIATE')
    const seqs = group.map(({ streamId, content }) => (insert.get(streamId, content, streamId) as { seq: number }).seq)
    db.exec('COMMIT')
    for (const [i, { response }] of group.entries()) response.end(JSON.stringify({ lastSeq: seqs[i] }))
  }
  isCommitting = false
}

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const { streamId, content } = JSON.parse(Buffer.concat(parts).toString()) as { streamId: string; content: string }
    waiting.push({ streamId, content, response })
    if (!isCommitting) void commit()
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })))
