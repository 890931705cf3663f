/** The programs under `examples/` do what they say: against the real server, also when that is killed in the middle. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { killAll, type Program, run } from './programs.ts'

const STORY = Array.from({ length: 60 }, (_, i) => `Wave ${i} – 海 rolls in.`).join(' ')

const model = new LLMock({ port: 0 })
let folder: string
let server: Program
let port: string

const start = async (givenPort: string): Promise<void> => {
  server = run('src/main.ts', {
    DATA_DIR: folder,
    PORT: givenPort,
    OPENAI_BASE_URL: `${model.url}/v1`,
    ARGON2_MEMORY_KIB: '8192',
    ARGON2_TIME_COST: '1',
  })
  port = (await server.says(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/))[1]!
}
const example = (name: string, email = `${name}@example.com`) =>
  run(`examples/${name}.ts`, { HOLDFAST_URL: `http://127.0.0.1:${port}`, HOLDFAST_EMAIL: email, PROMPT: 'Tell me of the sea.' })

beforeAll(async () => {
  await model.start()
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-examples-'))
  await start('0')
})
beforeEach(() => {
  model.reset()
})
afterAll(async () => {
  await server?.kill()
  killAll()
  await model.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(['apollo', 'urql'])('examples/%s.ts', (name) => {
  test('follows a generation through a dropped connection, and its pieces are the text', async () => {
    model.onMessage('sea', { content: STORY }, { chunkSize: 7, latency: 5 })
    const program = example(name)
    expect(await program.ended(), program.output).toBe(0)

    expect(program.output).toContain('[the connection is dropped on purpose')
    expect(program.output).toContain('[task: STARTED, RUNNING, attempt 1]')
    expect(program.output).toContain(`COMPLETED: ${STORY.length} characters]`)
    expect(program.output).toContain('The same: the pieces are the text.')
  })

  test('logs in where the email is registered, and tells a wrong password', async () => {
    model.onMessage('sea', { content: 'Wet.' })
    const program = example(name)
    expect(await program.ended(), program.output).toBe(0)
    expect(program.output).toContain('COMPLETED: 4 characters]')

    const guess = run(`examples/${name}.ts`, {
      HOLDFAST_URL: `http://127.0.0.1:${port}`,
      HOLDFAST_EMAIL: `${name}@example.com`,
      HOLDFAST_PASSWORD: 'wrong wrong',
    })
    expect(await guess.ended()).toBe(1)
    expect(guess.output).toContain('INVALID_CREDENTIALS')
  })

  test('fails where the task fails, and says why', async () => {
    model.onMessage('sea', { error: { message: 'No such model.', type: 'invalid_request_error' }, status: 400 })
    const program = example(name)
    expect(await program.ended()).toBe(1)
    expect(program.output).toMatch(/The task is FAILED\. .*No such model/)
  })
})

describe('examples/use-chat.ts', () => {
  test('follows an answer through a dropped connection, and its pieces are the text', async () => {
    model.onMessage('sea', { content: STORY }, { chunkSize: 7, latency: 10 })
    const program = example('use-chat')
    expect(await program.ended(), program.output).toBe(0)
    expect(program.output).toContain('[the connection is dropped on purpose')
    expect(program.output).toContain('[resumed]')
    expect(program.output).toContain(`COMPLETED: ${STORY.length} characters]`)
    expect(program.output).toContain('The same: the pieces are the text.')
  })

  test('logs in where the email is registered, and shows an answer that was there at once', async () => {
    model.onMessage('sea', { content: 'Wet.' })
    const program = example('use-chat')
    expect(await program.ended(), program.output).toBe(0)
    expect(program.output).toContain('COMPLETED: 4 characters]')
  })

  test('fails where the answer fails, and says why', async () => {
    model.onMessage('sea', { error: { message: 'No such model.', type: 'invalid_request_error' }, status: 400 })
    const program = example('use-chat')
    expect(await program.ended()).toBe(1)
    expect(program.output).toMatch(/The answer is FAILED\. .*No such model/)
  })

  test('goes on after a kill -9 of the server, with the next attempt’s stream', async () => {
    model.onMessage('sea', { content: STORY }, { chunkSize: 7, latency: 60 })
    const program = example('use-chat', 'third@example.com')
    await program.says(/\[resumed\]\n(.*\n)*.*Wave 3/)
    await server.kill()
    await start(port)
    expect(await program.ended(), program.output).toBe(0)
    expect(program.output).toMatch(/\[cut: (.*\n)+.*\[resumed\]/)
    expect(program.output).toContain(`COMPLETED: ${STORY.length} characters]`)
    expect(program.output).toContain('The same: the pieces are the text.')
  }, 60_000)
})

test('both go on after a kill -9 of the server, with the next attempt’s stream', async () => {
  model.onMessage('sea', { content: STORY }, { chunkSize: 7, latency: 60 })
  const programs = [example('apollo', 'first@example.com'), example('urql', 'second@example.com')]
  for (const program of programs) await program.says(/dropped on purpose.*\n(.*\n)*.*Wave 3/)
  await server.kill()
  await start(port)
  for (const program of programs) {
    expect(await program.ended(), program.output).toBe(0)
    expect(program.output).toContain('[task: LEASE_LOST, QUEUED, attempt 1]')
    expect(program.output).toContain('[task: STARTED, RUNNING, attempt 2]')
    expect(program.output).toMatch(/INTERRUPTED: \d+ characters\]/)
    expect(program.output).toContain(`COMPLETED: ${STORY.length} characters]`)
    expect(program.output).toContain('The same: the pieces are the text.')
  }
}, 120_000)
