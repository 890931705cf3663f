import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Notifier, openNotifier } from '../../src/db/notify.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

/** A notifier with what it heard, and a way to wait until it heard something. */
interface Listener {
  notifier: Notifier
  heard: string[]
  gaps: () => number
  warnings: Error[]
  until(condition: () => boolean): Promise<void>
}

describe.each(dialects().filter((dialect) => dialect === 'postgresql'))('notifications over %s', (dialect) => {
  let scratch: ScratchDatabase
  let admin: pg.Client
  const open: Notifier[] = []

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect, { empty: true })
    admin = new pg.Client({ connectionString: scratch.url })
    await admin.connect()
  })
  afterEach(async () => {
    for (const notifier of open.splice(0)) await notifier.close()
  })
  afterAll(async () => {
    await admin.end()
    await scratch.drop()
  })

  async function listener(url = scratch.url, channels = ['tasks', 'streams']): Promise<Listener> {
    const heard: string[] = []
    const warnings: Error[] = []
    let gaps = 0
    let wake = () => {}
    const notifier = await openNotifier(url, {
      channels,
      heartbeatMs: 200,
      onNotify: (channel, payload) => {
        heard.push(`${channel} ${payload}`)
        wake()
      },
      onGap: () => {
        gaps++
        wake()
      },
      warn: (problem) => {
        warnings.push(problem)
        wake()
      },
    })
    open.push(notifier)
    const until = async (condition: () => boolean) => {
      while (!condition())
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
    return { notifier, heard, gaps: () => gaps, warnings, until }
  }

  const dropConnections = () =>
    admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast listen' AND datname = current_database()`)

  test('what one says all hear, on the channels they listen to', async () => {
    const [one, other, deaf] = [await listener(), await listener(), await listener(scratch.url, ['elsewhere'])]
    await one.notifier.notify('tasks', 'a')
    await one.notifier.notify('streams', "it's; \\ Ω")
    await one.notifier.notify('elsewhere', '')
    await other.until(() => other.heard.length === 2)
    expect(other.heard).toEqual(['tasks a', "streams it's; \\ Ω"])
    await one.until(() => one.heard.length === 2)
    await deaf.until(() => deaf.heard.length === 1)
    expect(deaf.heard).toEqual(['elsewhere '])
  })

  test('what a transaction says by pg_notify is heard when it commits', async () => {
    const { heard, until } = await listener()
    await admin.query(`BEGIN; SELECT pg_notify('tasks', 'committed'); COMMIT`)
    await until(() => heard.length === 1)
    expect(heard).toEqual(['tasks committed'])
  })

  test('what is said many times at once is sent once, and what is said again later is sent again', async () => {
    const { notifier, heard, until } = await listener()
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => notifier.notify('tasks', String(index % 3))))
    await notifier.notify('tasks', 'last')
    await until(() => heard.includes('tasks last'))
    expect(heard).toEqual(['tasks 0', 'tasks 1', 'tasks 2', 'tasks last'])
    await notifier.notify('tasks', '0')
    await until(() => heard.length === 5)
  })

  test('what is said while the same message is under way is sent again', async () => {
    const { notifier, heard, until } = await listener()
    const first = notifier.notify('tasks', 'same')
    // Now it has been taken, and not been answered.
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([first, notifier.notify('tasks', 'same')])
    await notifier.notify('tasks', 'end')
    await until(() => heard.includes('tasks end'))
    expect(heard).toEqual(['tasks same', 'tasks same', 'tasks end'])
  })

  test('a connection that is dropped comes back, tells of the gap, and sends what waited', async () => {
    const { notifier, heard, gaps, warnings, until } = await listener()
    await dropConnections()
    await until(() => warnings.length > 0)
    await notifier.notify('tasks', 'meanwhile')
    await until(() => gaps() === 1 && heard.length === 1)
    expect(heard).toEqual(['tasks meanwhile'])
    await notifier.notify('tasks', 'after')
    await until(() => heard.length === 2)
  })

  test('a server that falls silent without closing is noticed within seconds', async () => {
    const proxy = await deadEndProxy(new URL(scratch.url))
    const { notifier, heard, gaps, until } = await listener(proxy.url)
    const before = performance.now()
    proxy.fallSilent()
    await until(() => gaps() === 1)
    expect(performance.now() - before).toBeLessThan(3_000)
    await notifier.notify('tasks', 'through')
    await until(() => heard.length === 1)
    await notifier.close()
    await proxy.close()
  })

  test('a message that is too long is not sent, and nothing fails', async () => {
    const { notifier, warnings } = await listener()
    await notifier.notify('tasks', 'x'.repeat(8_000))
    expect(warnings.map(({ message }) => message)).toEqual(['A notification of more than 7999 bytes was not sent.'])
  })

  test('closing ends it at once, also while it is connecting again', async () => {
    const { notifier, warnings, until } = await listener()
    await dropConnections()
    await until(() => warnings.length > 0)
    await notifier.close()
    await notifier.notify('tasks', 'to nobody')
    // The server’s own end of a connection takes a moment to go.
    const left = async () =>
      (await admin.query(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'holdfast listen' AND datname = current_database()`)).rows
    await expect.poll(left, { timeout: 10_000 }).toEqual([])
  })

  test('a server that is not there at the start is an error', async () => {
    await expect(openNotifier('postgres://nobody@127.0.0.1:1/nothing', { channels: [], onNotify: () => {}, onGap: () => {} })).rejects.toThrow()
  })
})

/** Passes everything on to the real server, until it is told to say nothing more on the connections it has. */
async function deadEndProxy(target: URL) {
  const sockets = new Set<Socket>()
  const server: Server = createServer((inner) => {
    const outer = dial(Number(target.port || 5432), target.hostname)
    for (const socket of [inner, outer]) sockets.add(socket.on('error', () => {}))
    inner.pipe(outer)
    outer.pipe(inner)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as { port: number }).port)
  return {
    url: url.href,
    fallSilent() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
