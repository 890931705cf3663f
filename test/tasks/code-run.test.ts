import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TaskTypes } from '../../src/tasks/task-type.ts'
import { codeRun } from '../../src/tasks/types/code-run.ts'
import { dialects } from '../kit/databases.ts'
import { CANCEL, CREATE, create, does, openTaskWorld, type TaskWorld, whenStatus } from './task.ts'

const extend = (types: TaskTypes) => {
  if (!types.get('code.run')) types.register(codeRun())
}
const CHUNKS = 'query ($id: ID!) { task(id: $id) { streams(first: 1) { nodes { status text chunks(first: 1000) { kind content } } } } }'

describe.each(dialects())('code.run on %s', { timeout: 60_000 }, (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '3' }, extend })
  })
  afterAll(() => on.world.close())

  const start = (params: object, input: object = {}) => create(on.world, on.ada, { type: 'code.run', params, ...input })
  const ended = async (params: object) => whenStatus(on.world, on.ada, (await start(params)).id, 'COMPLETED', 'FAILED')
  const streamOf = async (id: string) => (await on.world.ask(CHUNKS, { id }, on.ada)).data.task.streams.nodes[0]

  it.each([
    ['javascript', 'console.log("sum of", input.numbers)\nconsole.error("careful")\ninput.numbers.reduce((a, b) => a + b)', 'sum of [1, 2, 39]\n'],
    ['python', 'import sys\nprint("sum of", input["numbers"])\nsys.stderr.write("careful\\n")\nsum(input["numbers"])', 'sum of [1, 2, 39]\n'],
  ])('runs %s with its input, and keeps the value of its last expression and what it prints', async (language, code, stdout) => {
    const { id, status, result, attempt } = await ended({ language, code, input: { numbers: [1, 2, 39] } })
    expect({ status, result, attempt }).toEqual({
      status: 'COMPLETED',
      result: { exitCode: 0, value: 42, stdout, stdoutTruncated: false, stderr: 'careful\n', stderrTruncated: false },
      attempt: 1,
    })
    const stream = await streamOf(id)
    expect(stream).toMatchObject({ status: 'COMPLETED', text: stdout })
    const errors = stream.chunks.filter(({ kind }: { kind: string }) => kind === 'DATA')
    expect(errors.map(({ content }: { content: string }) => JSON.parse(content).stderr).join('')).toBe('careful\n')
  })

  it('shows what is printed while the snippet runs, and ends when it is cancelled', async () => {
    const { id } = await start({ language: 'python', code: 'print("begun")\nwhile True: pass' })
    const { streams } = (await on.world.ask('query ($id: ID!) { task(id: $id) { streams { nodes { id } } } }', { id }, on.ada)).data.task
    const live = await on.world.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { text status } }', { id: streams.nodes[0].id }, on.ada)
    await live.until(({ text }) => text === 'begun\n')
    await does(on.world, CANCEL, { id }, on.ada)
    const last = await live.until(({ status }) => status === 'CANCELLED')
    expect(last[last.length - 1].status).toBe('CANCELLED')
    expect(await whenStatus(on.world, on.ada, id, 'CANCELLED', 'FAILED')).toMatchObject({ status: 'CANCELLED', result: null })
  })

  it.each([
    ['javascript', 'console.log("begun"); throw new TypeError("no such luck")', 'Uncaught TypeError: no such luck\n    at <eval> (snippet.js:1:33)\n'],
    [
      'python',
      'print("begun")\nraise ValueError("no such luck")',
      'Traceback (most recent call last):\n  File "snippet.py", line 2, in <module>\n    raise ValueError("no such luck")\nValueError: no such luck\n',
    ],
  ])('takes an error in %s for an answer like another', async (language, code, stderr) => {
    expect(await ended({ language, code })).toMatchObject({ status: 'COMPLETED', result: { exitCode: 1, stdout: 'begun\n', stderr } })
  })

  it.each([
    [{ language: 'ruby', code: '1' }, 'language'],
    [{ language: 'python' }, 'code'],
    [{ language: 'python', code: '' }, 'code'],
    [{ language: 'python', code: 'ü'.repeat(50_001) }, 'code'],
    [{ language: 'python', code: '1', timeoutSeconds: 301 }, 'timeoutSeconds'],
    [{ language: 'python', code: '1', timeoutSeconds: 0 }, 'timeoutSeconds'],
    [{ language: 'python', code: '1', memoryMb: 15 }, 'memoryMb'],
    [{ language: 'python', code: '1', memoryMb: 513 }, 'memoryMb'],
    [{ language: 'python', code: '1', input: 'x'.repeat(150_000) }, 'input'],
  ])('refuses what cannot be run (%#)', async (params, field) => {
    const errors = await on.world.refused(CREATE, { input: { type: 'code.run', params } }, on.ada)
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
    expect(errors[0]!.path!.slice(0, 3)).toEqual(['input', 'params', field])
  })
})

describe.each(dialects().slice(0, 1))('a snippet on %s', { timeout: 60_000 }, (dialect) => {
  let on: TaskWorld
  let host: Server
  let port: number
  let connections = 0
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '3' }, extend })
    host = createServer(() => connections++).listen(0, '127.0.0.1')
    await once(host, 'listening')
    port = (host.address() as AddressInfo).port
  })
  afterAll(async () => {
    host.close()
    await on.world.close()
  })

  const run = async (language: string, code: string, more: object = {}) => {
    const { id } = await create(on.world, on.ada, { type: 'code.run', params: { language, code, ...more } })
    const { status, error, result, attempt } = await whenStatus(on.world, on.ada, id, 'COMPLETED', 'FAILED')
    return status === 'COMPLETED' ? result : { error, attempt }
  }
  const answer = async (language: string, code: string) => (await run(language, code)).value

  describe('has nothing but its interpreter:', () => {
    it.concurrent('JavaScript knows no network, files, processes, environment or other code', async () => {
      const names = 'fetch XMLHttpRequest WebSocket EventSource process require module exports Buffer WebAssembly Worker Deno Bun navigator std os print'.split(
        ' ',
      )
      const known = `const name = ${JSON.stringify(names)}; name.filter((each) => typeof globalThis[each] !== 'undefined')`
      expect(await answer('javascript', known)).toEqual([])
      for (const specifier of ['fs', 'node:fs', 'child_process', '/etc/passwd', 'file:///etc/passwd', 'data:text/javascript,1'])
        expect(await run('javascript', `await import(${JSON.stringify(specifier)})`)).toMatchObject({
          exitCode: 1,
          stderr: `Uncaught ReferenceError: could not load module '${specifier}'\n`,
        })
    })

    it.concurrent('JavaScript climbs out of no function that it was given', async () => {
      const climbs = [
        'this.constructor.constructor',
        'console.log.constructor',
        'setTimeout.constructor',
        'input.constructor.constructor',
        '(async () => {}).constructor',
        'Reflect.getPrototypeOf(function* () {}).constructor',
        '(() => { try { null.x } catch (error) { return error.constructor.constructor } })()',
        '(() => { try { (function deep() { deep() })() } catch (error) { return error.constructor.constructor } })()',
        '(await import("x").catch((error) => error)).constructor.constructor',
      ]
      const code = `[${climbs.map((climb) => `typeof (await ${climb}('return typeof process + typeof globalThis.require')())`)}].length`
      expect((await run('javascript', code, { input: {} })).value).toBe(climbs.length)
      const seen = `const own = []; for (const climb of [${climbs.slice(0, 4)}]) own.push(climb('return globalThis')() === globalThis, climb('return typeof process')()); own`
      expect((await run('javascript', seen, { input: {} })).value).toEqual([true, 'undefined', true, 'undefined', true, 'undefined', true, 'undefined'])
    })

    it.concurrent('JavaScript confuses nobody but itself by changing what is built in', async () => {
      const code = `Object.prototype.exitCode = 99; Object.prototype.stderr = 'x'; JSON.stringify = () => '{"exitCode":98}'
        Promise.prototype.then = () => {}; Array.prototype.push = Map.prototype.set = () => { throw 1 }; undefined`
      expect(await run('javascript', code)).toEqual({ exitCode: 0, stdout: '', stdoutTruncated: false, stderr: '', stderrTruncated: false })
    })

    it.concurrent('Python opens none of the machine’s files', async () => {
      const paths = [
        '/etc/passwd',
        '/proc/self/environ',
        '/proc/1/cmdline',
        '../../../etc/passwd',
        '/tmp/../etc/passwd',
        '/run/../etc/passwd',
        process.execPath,
        '/dev/null',
      ]
      const code = `
import os
def refused(deed, *args):
  try: return repr(deed(*args))
  except OSError as error: return True
[[refused(open, path), refused(os.stat, path)] for path in ${JSON.stringify(paths)}] + [
  refused(os.listdir, '/'), refused(os.listdir, '/etc'), refused(os.symlink, '/etc', '/tmp/etc'), refused(os.chdir, '/etc'), os.listdir('/tmp'), dict(os.environ)]`
      expect(await answer('python', code)).toEqual([...paths.map(() => [true, true]), true, true, true, true, [], {}])
    })

    it.concurrent('Python has a folder in memory to work in, which nobody else sees', async () => {
      const name = `holdfast-snippet-${process.pid}`
      const code = `import os, tempfile\nopen('${name}', 'w').write('mine')\ntempfile.NamedTemporaryFile()\n[open('/tmp/${name}').read(), os.getcwd()]`
      expect(await answer('python', code)).toEqual(['mine', '/tmp'])
      expect(existsSync(`/tmp/${name}`)).toBe(false)
      expect(await answer('python', "import os\nos.listdir('.')")).toEqual([])
    })

    it.concurrent('Python reaches no network and no other process', async () => {
      const code = `
import socket, os, subprocess, importlib, threading, urllib.request
def refused(deed):
  try: return repr(deed())
  except Exception as error: return type(error).__name__
[
  refused(lambda: socket.create_connection(('127.0.0.1', ${port}))), refused(lambda: socket.socket()), refused(lambda: socket.socket(fileno=3)),
  refused(lambda: urllib.request.urlopen('http://127.0.0.1:${port}')),
  refused(lambda: subprocess.run(['id'])), refused(lambda: os.system('id')), refused(lambda: os.fork()), refused(lambda: os.execv('/bin/sh', ['sh'])),
  refused(lambda: os.posix_spawn('/bin/sh', ['sh'], {})), refused(lambda: os.kill(1, 9)), refused(lambda: threading.Thread(target=print).start()),
  refused(lambda: importlib.import_module('ctypes')), refused(lambda: importlib.import_module('js')), refused(lambda: importlib.import_module('pyodide')),
]`
      const value = await answer('python', code)
      expect(value).toHaveLength(14)
      for (const each of value) expect(each).toMatch(/^(OSError|AttributeError|ImportError|ModuleNotFoundError|RuntimeError|URLError)$/)
      expect(connections).toBe(0)
    })
  })

  describe('ends with a word that fits, once, when it takes too much:', () => {
    const memory = (mb: number) => `The snippet needed more than ${mb} MB of memory.`
    it.concurrent.each([
      ['time', 'javascript', 'for (;;);', { timeoutSeconds: 1 }, 'The snippet ran longer than 1 s.'],
      ['time', 'javascript', '/(a+)+$/.test("a".repeat(50) + "b")', { timeoutSeconds: 1 }, 'The snippet ran longer than 1 s.'],
      ['time', 'javascript', 'setInterval(() => {}, 1000)', { timeoutSeconds: 1 }, 'The snippet ran longer than 1 s.'],
      ['time', 'python', 'while True: pass', { timeoutSeconds: 1 }, 'The snippet ran longer than 1 s.'],
      ['time', 'python', 'import time\ntime.sleep(1000)', { timeoutSeconds: 1 }, 'The snippet ran longer than 1 s.'],
      ['memory', 'javascript', 'const held = []; for (;;) held.push(new Array(10000).fill(held.length))', { memoryMb: 16 }, memory(16)],
      ['memory', 'javascript', 'new Uint8Array(200_000_000)', {}, memory(128)],
      ['memory', 'python', 'held = []\nwhile True: held.append("x" * 10000 + str(len(held)))', { memoryMb: 16 }, memory(16)],
      ['memory', 'python', 'bytearray(200_000_000)', {}, memory(128)],
      ['files', 'python', 'import os\nfor i in range(2000): open(str(i), "wb").write(bytes(1_000_000))', { memoryMb: 16 }, memory(16)],
      ['output', 'javascript', 'for (;;) console.log("x".repeat(1000))', {}, 'The snippet printed more than 1000000 bytes.'],
      ['output', 'python', 'import sys\nwhile True: sys.stderr.write("x" * 1000)', {}, 'The snippet printed more than 1000000 bytes.'],
      ['room for its value', 'javascript', '"x".repeat(300_000)', {}, 'The value of the snippet has more than 200000 bytes as JSON.'],
      ['room for its value', 'python', '"x" * 300_000', {}, 'The value of the snippet has more than 200000 bytes as JSON.'],
      ['liberty', 'python', 'import os\nos.abort()', {}, 'The snippet brought its interpreter to a fault (unreachable).'],
    ])('%s, in %s: %s', async (_what, language, code, more, error) => {
      expect(await run(language, code, more)).toEqual({ error, attempt: 1 })
    })

    it.concurrent.each([
      ['javascript', 'const f = () => f() + 1\nf()', /^Uncaught RangeError: Maximum call stack size exceeded\n/],
      ['javascript', 'eval("(".repeat(90000))', /^Uncaught RangeError: Maximum call stack size exceeded\n/],
      ['python', 'def f(): return f() + 1\nf()', /\nRecursionError: maximum recursion depth exceeded\n$/],
      ['python', 'eval("(" * 90000)', /\nMemoryError: Parser stack overflowed|\nSyntaxError: too many nested parentheses\n$/],
    ])('depth, in %s: %s', async (language, code, stderr) => {
      expect(await run(language, code)).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(stderr) })
    })

    it.concurrent.each([
      ['javascript', 'let held = []; try { for (;;) held.push(new Array(10000).fill(1)) } catch { held = null; "enough" }'],
      ['python', 'held = []\ntry:\n  while True: held.append(bytearray(100000))\nexcept MemoryError: held = None\n"enough"'],
    ])('which it may notice and mend, in %s', async (language, code) => {
      expect((await run(language, code, { memoryMb: 16 })).value).toBe('enough')
    })
  })

  it.concurrent('keeps the beginning of what is printed, and all of it in the stream', async () => {
    const { id } = await create(on.world, on.ada, { type: 'code.run', params: { language: 'python', code: 'for i in range(20000): print(i)' } })
    const { result } = await whenStatus(on.world, on.ada, id, 'COMPLETED', 'FAILED')
    const all = Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join('')
    expect(result).toMatchObject({ exitCode: 0, stdout: all.slice(0, 65_536), stdoutTruncated: true, stderr: '', stderrTruncated: false })
    expect((await on.world.ask(CHUNKS, { id }, on.ada)).data.task.streams.nodes[0].text).toBe(all)
  })

  it.concurrent.each([
    ['javascript', 'undefined', {}],
    ['javascript', 'null', { value: null }],
    ['javascript', 'const answer = await Promise.resolve({ a: [1, "ü🌞"] }); answer', { value: { a: [1, 'ü🌞'] } }],
    ['javascript', 'await new Promise((resolve) => setTimeout(resolve, 20)); "waited"', { value: 'waited' }],
    ['javascript', '10n', { valueOmitted: 'TypeError: BigInt are forbidden in JSON.stringify' }],
    ['javascript', '() => 1', { valueOmitted: 'a function has no JSON form' }],
    ['javascript', 'new Date(0).getTimezoneOffset() + new Date(0).toISOString()', { value: '01970-01-01T00:00:00.000Z' }],
    ['python', 'x = 5', {}],
    ['python', 'print', { valueOmitted: 'TypeError: Object of type builtin_function_or_method is not JSON serializable' }],
    ['python', 'float("nan")', { valueOmitted: 'ValueError: Out of range float values are not JSON compliant: nan' }],
    ['python', '{"a": [1, "ü🌞", None, True]}', { value: { a: [1, 'ü🌞', null, true] } }],
    ['python', 'def double(x): return 2 * x\n\nif True:\n  y = double(21)\ny', { value: 42 }],
    ['python', 'import time\nbefore = time.monotonic()\ntime.sleep(0.05)\ntime.monotonic() - before >= 0.05', { value: true }],
    [
      'python',
      'import sqlite3, decimal, re, hashlib, statistics, datetime, random\nsqlite3.connect(":memory:").execute("SELECT 6 * 7").fetchone()[0]',
      { value: 42 },
    ],
  ])('%s: the value of %j', async (language, code, kept) => {
    const { stdout, stdoutTruncated, stderr, stderrTruncated, ...rest } = await run(language, code)
    expect(rest).toEqual({ exitCode: 0, ...kept })
  })

  it.concurrent.each([
    ['javascript', 'await new Promise(() => {})', 13, 'The snippet awaits what can never come.\n'],
    ['javascript', 'Promise.reject(new Error("lost")); 5', 1, 'Uncaught Error: lost\n    at <eval> (snippet.js:1:20)\n'],
    ['javascript', 'setTimeout(() => { throw 5 })', 1, 'Uncaught 5\n'],
    ['javascript', 'not JavaScript', 1, "Uncaught SyntaxError: expecting ';'\n    at snippet.js:1:5\n"],
    ['python', 'import sys\nsys.exit(3)', 3, ''],
    ['python', 'import sys\nsys.exit("bye")', 1, 'bye\n'],
    ['python', 'import os\nos._exit(7)', 7, ''],
    ['python', 'no Python', 1, '  File "snippet.py", line 1\n    no Python\n       ^^^^^^\nSyntaxError: invalid syntax\n'],
    ['python', 'open("/run/end.json", "w").write("{")\nimport os\nos._exit(0)', 0, ''],
  ])('%s: the exit code of %j', async (language, code, exitCode, stderr) => {
    const result = await run(language, code)
    expect({ exitCode: result.exitCode, stderr: result.stderr, value: result.value }).toEqual({ exitCode, stderr, value: undefined })
  })
})
