/** The server of the Durable Streams protocol, with streams in files: each append is answered when `fdatasync` has been. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DurableStreamTestServer } from '@durable-streams/server'

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-durable-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGTERM', () => process.exit())
const server = new DurableStreamTestServer({ port: 0, dataDir: folder })
const url = await server.start()
console.log(JSON.stringify({ url }))
