/** The workers under `examples/` do what they say: against the real server, stopped, killed and cut off in the middle. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { killAll, type Program, run } from './programs.ts'

const hasPython = spawnSync('python3', ['--version']).status === 0
if (!hasPython) {
  if (process.env.CI) throw new Error('python3 is needed to try examples/worker.py.')
  console.warn('\n*** python3 is not there: examples/worker.py is NOT tried. ***\n')
}

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

let folder: string
let server: Program
let port = '0'
let admin: string
let key: string

const start = async (): Promise<void> => {
  server = run('src/main.ts', { DATA_DIR: folder, PORT: port, LOCAL_MODEL: 'off', ARGON2_MEMORY_KIB: '8192', ARGON2_TIME_COST: '1', RATE_LIMITS: 'off' })
  port = (await server.says(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/))[1]!
}

/** The one root field of the operation; fails where it was refused. */
async function ask(query: string, variables: object, token = admin): Promise<Data> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] }
  if (errors) throw new Error(errors[0]!.message)
  const payload = Object.values(data)[0] as Data
  if (payload?.userErrors?.length) throw new Error(payload.userErrors[0].message)
  return payload
}

const ERRORS = 'userErrors { code message }'
const create = async (type: string, params: object, more: object = {}): Promise<string> =>
  (await ask(`mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } ${ERRORS} } }`, { input: { type, params, ...more } })).task.id
const read = (id: string): Promise<Data> =>
  ask('query ($id: ID!) { task(id: $id) { status attempt result progress progressMessage worker summary attempts { worker outcome } } }', { id })
const becomes = (id: string, status: string) => expect.poll(async () => (await read(id)).status, { timeout: 40_000, interval: 50 }).toBe(status)

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-workers-'))
  await start()
  const input = { email: 'admin@example.com', password: 'correct horse battery staple', displayName: 'Admin' }
  const { tokens } = await ask(`mutation ($input: UserRegisterInput!) { userRegister(input: $input) { tokens { accessToken } ${ERRORS} } }`, { input }, '')
  admin = tokens.accessToken
  const made = await ask(`mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret ${ERRORS} } }`, {
    input: { name: 'worker', scopes: ['TASKS_WORK'] },
  })
  key = made.secret
}, 60_000)
afterAll(async () => {
  await server?.kill()
  killAll()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(['worker.py', 'worker.ts'])('examples/%s', (file) => {
  const programs: Program[] = []
  let types = 0
  let type: string
  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.kill()))
  })
  const worker = async (env: Record<string, string> = {}): Promise<Program> => {
    const program = run(`examples/${file}`, { HOLDFAST_URL: `http://127.0.0.1:${port}`, HOLDFAST_API_KEY: key, WORKER_TYPE: type, ...env })
    programs.push(program)
    await program.says(/working on/)
    return program
  }
  const again = async (env: Record<string, string> = {}) => worker({ LEASE_SECONDS: '5', ...env })
  const tried = test.runIf(file !== 'worker.py' || hasPython)
  const nextType = () => {
    type = `example.${file.slice(7)}${++types}`
  }

  tried('does what is asked for, says how far it is, and what came of it', async () => {
    nextType()
    await worker()
    const id = await create(type, { to: 30 })
    await expect.poll(async () => (await read(id)).progressMessage, { timeout: 20_000 }).toMatch(/^\d+ of 30$/)
    await becomes(id, 'COMPLETED')
    expect(await read(id)).toMatchObject({ result: { counted: 30 }, progress: 1, summary: 'Counted to 30.', attempt: 1 })
    await expect(create(type, { to: 0 })).rejects.toThrow('0 is less than 1')
  })

  tried('ends what is cancelled', async () => {
    nextType()
    const program = await worker()
    const id = await create(type, { to: 10_000 })
    await program.says(/began/)
    await ask(`mutation ($input: TaskCancelInput!) { taskCancel(input: $input) { task { id } ${ERRORS} } }`, { input: { id } })
    await becomes(id, 'CANCELLED')
    await program.says(/gave back .* CANCELLED/)
  })

  tried(
    'killed with -9 in the middle: the task is run by another',
    async () => {
      nextType()
      const first = await again()
      const id = await create(type, { to: 20 })
      await first.says(/began/)
      await first.kill()
      const second = await again()
      await second.says(/began .* attempt 2/)
      await becomes(id, 'COMPLETED')
      expect((await read(id)).attempts).toMatchObject([{ outcome: 'LOST' }, { outcome: 'COMPLETED' }])
    },
    60_000,
  )

  tried(
    'two of them share 50 tasks, each once',
    async () => {
      nextType()
      const programs = await Promise.all([worker(), worker()])
      const ids = await Promise.all(Array.from({ length: 50 }, () => create(type, { to: 2, pauseSeconds: 0.02 })))
      for (const id of ids) await becomes(id, 'COMPLETED')
      for (const id of ids) expect(await read(id)).toMatchObject({ attempt: 1, result: { counted: 2 } })
      const began = programs.map(({ output }) => [...output.matchAll(/^began (\S+)/gm)].map(([, id]) => id))
      expect(began.flat().sort()).toEqual(ids.sort())
      expect(began.every((share) => share.length > 0)).toBe(true)
    },
    60_000,
  )

  tried(
    'stopped past its lease and continued: what it says then is refused, for the task was run again and has ended',
    async () => {
      nextType()
      const first = await again()
      const id = await create(type, { to: 20 })
      await first.says(/began/)
      first.signal('SIGSTOP')
      const second = await again()
      await second.says(/completed/)
      const before = await read(id)
      first.signal('SIGCONT')
      await first.says(/(lost|refused) .*TASK_NOT_LEASED/)
      expect(await read(id)).toEqual(before)
      // It may have stood in line when it was stopped, and be given the task once more.
      const outcomes = before.attempts.map(({ outcome }: { outcome: string }) => outcome)
      expect(outcomes).toEqual([...outcomes.slice(1).map(() => 'LOST'), 'COMPLETED'])
      expect(before).toMatchObject({ status: 'COMPLETED', result: { counted: 20 }, attempt: outcomes.length })
      // It goes on with what comes next.
      await second.kill()
      await becomes(await create(type, { to: 1 }), 'COMPLETED')
    },
    60_000,
  )

  tried(
    'waits for a server that was killed, and goes on with the same attempt',
    async () => {
      nextType()
      const program = await worker()
      const id = await create(type, { to: 60 })
      await program.says(/began/)
      await server.kill()
      await program.says(/waiting for the server/)
      await start()
      await becomes(id, 'COMPLETED')
      expect(await read(id)).toMatchObject({ attempt: 1, result: { counted: 60 } })
      await becomes(await create(type, { to: 1 }), 'COMPLETED')
    },
    60_000,
  )

  tried('asked to stop gives back what it works on, and ends', async () => {
    nextType()
    const program = await worker()
    const id = await create(type, { to: 10_000 })
    await program.says(/began/)
    program.signal('SIGTERM')
    expect(await program.ended(), program.output).toBe(0)
    await becomes(id, 'QUEUED')
    const { worker: holder, attempts } = await read(id)
    expect(holder).toBe(null)
    // Its claim that still waited may have been given the task once more, and left it too.
    expect(new Set(attempts.map(({ outcome }: { outcome: string }) => outcome))).toEqual(new Set(['RELEASED']))
  })

  tried('says that its key is not valid', async () => {
    nextType()
    const program = run(`examples/${file}`, { HOLDFAST_URL: `http://127.0.0.1:${port}`, HOLDFAST_API_KEY: 'hf_nobody' })
    expect(await program.ended()).toBe(1)
    expect(program.output).toContain('UNAUTHENTICATED')
  })
})
