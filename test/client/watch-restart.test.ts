/** The real server, killed in the middle of what is watched. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Holdfast } from '../../src/client/client.ts'
import { ServerProcess } from '../faults/server-process.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

const KILLS = 3
const SETS = 60

describe.each(dialects())('a server on %s that is killed while a client watches', (dialect) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-client-'))
  let scratch: ScratchDatabase
  let server: ServerProcess
  let url: string
  const launch = (port = '0') => ServerProcess.launch({ DATABASE_URL: scratch.url, DATA_DIR: folder, PORT: port })

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    server = launch()
    url = await server.ready
  })
  afterAll(async () => {
    await server?.kill()
    await scratch?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('loses no change, tells none twice, and does each set once', { timeout: 180_000 }, async () => {
    const options = { url, patienceMs: 120_000 }
    const writer = new Holdfast(options)
    await writer.register('ada@example.com', 'a long and private sentence', 'Ada')
    const login = { email: 'ada@example.com', password: 'a long and private sentence' }
    const [jobs, reader] = [writer.dictionary<number>('jobs'), new Holdfast({ ...options, login }).dictionary<number>('jobs')]
    const [all, one] = [reader.watch(), reader.watch('key 0')]
    await Promise.all([all.ready, one.ready])

    // Each waits for what was set before, so that it is known which value is whose.
    const sets = Array.from({ length: SETS }, (_, i) => ({ key: `key ${i % 4}`, value: i }))
    const told: { kind: string; key: string }[] = []
    const cursors = new Set<string>()
    const ofOne: (number | undefined)[] = []
    const kills = new Set(Array.from({ length: KILLS }, (_, i) => Math.floor(((i + 1) * SETS) / (KILLS + 1))))
    const writing = (async () => {
      for (const { key, value } of sets) await jobs.set(key, value)
      await jobs.delete('key 0')
    })()
    const readingOne = (async () => {
      for await (const { kind, value } of one) {
        ofOne.push(value)
        if (kind === 'DELETED') return
      }
    })()
    let restarting = Promise.resolve()
    for await (const { kind, key, cursor } of all) {
      told.push({ kind, key })
      cursors.add(cursor)
      if (kills.has(told.length))
        restarting = restarting.then(async () => {
          await server.kill()
          server = launch(new URL(url).port)
          await server.ready
        })
      if (kind === 'DELETED') break
    }
    await Promise.all([writing, readingOne, restarting])

    expect(told).toEqual([...sets.map(({ key }) => ({ kind: 'SET', key })), { kind: 'DELETED', key: 'key 0' }])
    expect(cursors.size).toBe(SETS + 1)
    // How it stood, every change of this key, and its end; a value may be newer than its change.
    expect(ofOne).toHaveLength(1 + SETS / 4 + 1)
    expect([ofOne[0], ofOne.at(-1)]).toEqual([undefined, undefined])
    const values = ofOne.slice(1, -1).filter((value) => value !== undefined)
    expect(values).toEqual([...values].sort((a, b) => a - b))
    for (const key of [1, 2, 3]) expect(await jobs.get(`key ${key}`)).toBe(sets.findLast((set) => set.key === `key ${key}`)!.value)
  })
})
