/** A program that was written against an in-memory dictionary, before and after: against the real server, killed in the middle. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Holdfast } from '../../src/client/client.ts'
import { killAll, type Program, run } from './programs.ts'

let folder: string
let server: Program
let port = '0'
let key: string

const start = async (): Promise<void> => {
  server = run('src/main.ts', { DATA_DIR: folder, PORT: port, LOCAL_MODEL: 'off', ARGON2_MEMORY_KIB: '8192', ARGON2_TIME_COST: '1', RATE_LIMITS: 'off' })
  port = (await server.says(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/))[1]!
}
const program = (env: Record<string, string> = {}) => run('examples/dictionary.ts', { HOLDFAST_URL: `http://127.0.0.1:${port}`, HOLDFAST_API_KEY: key, ...env })

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-dictionary-'))
  await start()
  const client = new Holdfast({ url: `http://127.0.0.1:${port}` })
  await client.register('ada@example.com', 'a long and private sentence', 'Ada')
  const scopes = '[ACCOUNT_READ, TASKS_READ, TASKS_WRITE]'
  const made = await client.request<{ apiKeyCreate: { secret: string } }>(`mutation { apiKeyCreate(input: { name: "k", scopes: ${scopes} }) { secret } }`)
  key = made.apiKeyCreate.secret
}, 60_000)
afterAll(async () => {
  await server?.kill()
  killAll()
  rmSync(folder, { recursive: true, force: true })
})

test('the two programs are the same but for the line that declares the dictionary, and its import', () => {
  const [before, after] = ['dictionary-before.ts', 'dictionary.ts'].map((name) =>
    readFileSync(`examples/${name}`, 'utf8')
      .replace(/^\/\*\*[\s\S]*?\*\/\n/, '')
      .split('\n'),
  )
  expect(before!.filter((line) => !after!.includes(line))).toEqual(['const TASKS = new Map<string, Job>()'])
  expect(after!.filter((line) => !before!.includes(line))).toEqual([
    "import { holdfast } from './holdfast.ts'",
    "const TASKS = holdfast.dictionary<Job>('jobs')",
  ])
})

test('and say the same', async () => {
  const [before, after] = [run('examples/dictionary-before.ts', { STEP_MS: '1' }), program({ STEP_MS: '1' })]
  expect(await before.ended(), before.output).toBe(0)
  expect(await after.ended(), after.output).toBe(0)
  expect(after.output).toBe(before.output)
  expect(after.output).toContain('report-3 is done: [report-3 1][report-3 2][report-3 3][report-3 4][report-3 5]\nThere are 0 jobs.')
})

test('killed with -9 in the middle it goes on where it was, also when the server was killed', async () => {
  const first = program()
  await first.says(/report-2: step 3 of 5/)
  await first.kill()
  await server.kill()
  await start()
  const second = program()
  expect(await second.ended(), second.output).toBe(0)
  expect(second.output).toMatch(/^There are 3 jobs\.\nreport-2 goes on behind step [345]\n/)
  expect(second.output).not.toContain('report-1: step')
  for (const id of ['report-1', 'report-2', 'report-3'])
    expect(second.output).toContain(`${id} is done: ${[1, 2, 3, 4, 5].map((step) => `[${id} ${step}]`).join('')}\n`)
}, 60_000)

test('waits for a server that is killed under it', async () => {
  const waiting = program()
  await waiting.says(/report-1: step 2 of 5/)
  await server.kill()
  await start()
  expect(await waiting.ended(), waiting.output).toBe(0)
  expect(waiting.output).toContain('report-1 is done: [report-1 1][report-1 2][report-1 3][report-1 4][report-1 5]\n')
}, 60_000)
