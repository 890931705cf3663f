/** The fences behind the interpreters: what a program could do that had broken out of WebAssembly. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { confinedCommand, type Machine, machineLookedAt } from '../../../src/tasks/process/confinement.ts'
import { runInProcess } from '../../../src/tasks/process/run-in-process.ts'
import type { TaskRun } from '../../../src/tasks/task-type.ts'

const { fences } = await machineLookedAt()
const missing = (['unshare', 'prlimit', 'setpriv'] as const).filter((fence) => !fences.has(fence))
if (missing.length) console.warn(`SKIPPED: what ${missing.join(', ')} would take away. This machine lacks it, or does not allow it.`)

/** A program, not an interpreter, that is run as if it were one; `answer` ends it. */
const run = async (body: string, more: { files?: string[]; dataMb?: number; cpuSeconds?: number; residentMb?: number; machine?: Machine } = {}) => {
  const program = `
    import fs from 'node:fs'
    const answer = (result) => { fs.writeSync(3, JSON.stringify({ kind: 'outcome', outcome: { result } }) + '\\n'); process.exit() }
    const tried = async (deed) => { try { return { done: String(await deed()) } } catch (error) { return { refused: error.code ?? error.name } } }
    fs.writeSync(3, '{"kind":"ready"}\\n')
    ${body}`
  const { files = [], dataMb = 1024, cpuSeconds = 60, residentMb = 1024 } = more
  const command = await confinedCommand({ program, files, nodeArgs: [], heapMb: 64, dataMb, cpuSeconds }, more.machine)
  const task = { id: 'a-task', ownerId: 'somebody', attempt: 1, params: {}, signal: new AbortController().signal } as TaskRun
  return (await runInProcess(task, { command, module: null, limits: { heapMb: 64, residentMb, seconds: 20 } })).result
}

describe('a confined process', { timeout: 30_000 }, () => {
  let host: Server
  let connections = 0
  let port: number
  beforeAll(async () => {
    host = createServer((socket) => {
      connections++
      socket.end()
    }).listen(0, '127.0.0.1')
    await once(host, 'listening')
    port = (host.address() as AddressInfo).port
  })
  afterAll(() => void host.close())

  it('can neither read nor write a file', async () => {
    const refused = { refused: 'ERR_ACCESS_DENIED' }
    const deeds = `[
      () => fs.readFileSync('/etc/passwd'), () => fs.readdirSync('/'), () => fs.readFileSync('/proc/self/environ'), () => fs.statSync('/etc/passwd'),
      () => fs.promises.readFile('/etc/passwd'), () => fs.writeFileSync('/tmp/confined', 'x'), () => fs.symlinkSync('/etc', '/tmp/confined'),
      () => fs.openSync('/etc/passwd', 'r'), () => import('file:///etc/passwd'),
    ]`
    expect(await run(`const said = []; for (const deed of ${deeds}) said.push(await tried(deed)); answer(said)`)).toEqual(Array(9).fill(refused))
  })

  it('finds open what it was given, and nothing else', async () => {
    const given = new URL(import.meta.url).pathname
    const files = `const files = []; for (let fd = 0; fd < 64; fd++) try { if (fs.fstatSync(fd).isFile()) files.push(fd) } catch {}`
    expect(await run(`${files}; answer([files, fs.readFileSync(5, 'utf8').slice(0, 14)])`, { files: [given] })).toEqual([[5], '/** The fences'])
  })

  it('can start nothing, and make no code of text', async () => {
    const deeds = `[
      async () => (await import('node:child_process')).execSync('id'), () => eval('1'), () => new Function('return 1')(), () => (async () => {}).constructor('return 1')(),
      async () => (await import('node:inspector')).open(0),
    ]`
    expect(await run(`const said = []; for (const deed of ${deeds}) said.push(await tried(deed)); answer(said)`)).toEqual([
      { refused: 'ERR_ACCESS_DENIED' },
      ...Array(3).fill({ refused: 'EvalError' }),
      { refused: expect.stringMatching(/./) },
    ])
  })

  it.skipIf(missing.includes('setpriv'))('can start no thread, which could be one with other permissions', async () => {
    const deeds = `[() => new Worker('1', { eval: true }), () => new Worker('1', { eval: true, execArgv: [] }), () => new Worker(new URL('data:text/javascript,1'))]`
    expect(
      await run(
        `const { Worker } = await import('node:worker_threads'); const said = []; for (const deed of ${deeds}) said.push(await tried(deed)); answer(said)`,
      ),
    ).toEqual(Array(3).fill({ refused: 'ERR_ACCESS_DENIED' }))
  })

  it('sees nothing of the server’s environment', async () => {
    expect(await run('answer([process.env, process.cwd()])')).toEqual([{}, '/'])
  })

  it.skipIf(missing.includes('unshare'))('has no network', async () => {
    const deed = `() => new Promise((resolve, reject) => { net.connect(${port}, '127.0.0.1', resolve).on('error', reject) })`
    const names = `async () => (await import('node:os')).default.networkInterfaces()`
    const [connected, interfaces] = (await run(
      `const net = await import('node:net'); answer([await tried(${deed}), Object.values(await (${names})()).flat().length])`,
    )) as [object, number]
    expect(connected).toHaveProperty('refused')
    expect(interfaces).toBe(0)
    expect(connections).toBe(0)
  })

  it.skipIf(missing.includes('unshare'))('is nobody', async () => {
    expect(await run('answer([process.getuid(), await tried(() => process.setuid(0))])')).toEqual([65_534, { refused: expect.any(String) }])
  })

  it.skipIf(missing.includes('prlimit'))('gets no more memory of any kind than it may, at once', async () => {
    const greedy = run('const held = []; for (;;) held.push(new Uint8Array(50_000_000).fill(1))', { dataMb: 400, residentMb: 100_000 })
    await expect(greedy).rejects.toMatchObject({ fault: 'MEMORY' })
  })

  it.skipIf(missing.includes('prlimit'))('gets no more processor time than it may', async () => {
    await expect(run('for (;;);', { cpuSeconds: 1 })).rejects.toMatchObject({
      fault: 'TIME',
      message: 'The process of the task took more processor time than it may.',
    })
  })

  it('reaches no file and starts no process where the machine has no fences at all', async () => {
    const deeds = `[() => fs.readFileSync('/etc/passwd'), async () => (await import('node:child_process')).execSync('id')]`
    const said = await run(`const said = []; for (const deed of ${deeds}) said.push(await tried(deed)); answer(said)`, {
      machine: { fences: new Map(), nodeMb: 0 },
    })
    expect(said).toEqual(Array(2).fill({ refused: 'ERR_ACCESS_DENIED' }))
  })

  it('is told nothing when it asks, and can ask for nothing', async () => {
    const asking = `fs.writeSync(3, JSON.stringify({ kind: 'ask', number: 0, what: 'createChild', args: ['a', { type: 'http.request' }] }) + '\\n')`
    // The task would throw: nobody gave it a way to make children.
    expect(await run(`${asking}; answer('not answered')`)).toBe('not answered')
  })
})
