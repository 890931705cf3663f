/**
 * Works on tasks of a Holdfast server, with nothing but Node and its `fetch`.
 *
 *   node --import tsx examples/worker.ts        (settings: HOLDFAST_URL, HOLDFAST_API_KEY, WORKER_TYPE, LEASE_SECONDS)
 *
 * It registers a task type, waits for tasks of it, works on several at once, says every second how far they are, stops what is
 * cancelled, and goes on when the server was away. What it does for a task is in `work`; all else can stay as it is.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const { HOLDFAST_URL = 'http://127.0.0.1:4000', HOLDFAST_API_KEY = '', WORKER_TYPE = 'example.count', LEASE_SECONDS = '30' } = process.env
const endpoint = new URL('/graphql', HOLDFAST_URL).href
const leaseMs = Number(LEASE_SECONDS) * 1000
const worker = `${hostname()}:${process.pid}`
const AT_ONCE = 4

// ---- What it does: the only part that is about this type of work.

interface Params {
  to: number
  pauseSeconds?: number
}

/** Counts, slowly. `signal` aborts when it shall stop. */
async function work({ to, pauseSeconds = 0.1 }: Params, signal: AbortSignal, progress: (fraction: number, message: string) => void) {
  for (let number = 1; number <= to; number++) {
    await sleep(pauseSeconds * 1000, undefined, { signal })
    progress(number / to, `${number} of ${to}`)
  }
  return { counted: to }
}

const paramsSchema = {
  type: 'object',
  properties: {
    to: { type: 'integer', minimum: 1, maximum: 100_000, description: 'How far to count.' },
    pauseSeconds: { type: 'number', minimum: 0, maximum: 60, description: 'Between two numbers.' },
  },
  required: ['to'],
  additionalProperties: false,
}

// ---- The client: asks until it is answered.

/** The server has understood, and will not. */
class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(`${code}: ${message}`)
  }
}

interface Asked {
  signal?: AbortSignal
  timeoutMs?: number
}

/** What the mutation answered. While the server is away it is asked again, until the signal aborts. */
async function ask<Payload>(mutation: string, selection: string, input: object, { signal, timeoutMs = 30_000 }: Asked = {}): Promise<Payload> {
  const query = `mutation ($input: ${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input!) { ${mutation}(input: $input) { ${selection} userErrors { code message } } }`
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted()
    let reason: string
    try {
      const limit = AbortSignal.timeout(timeoutMs)
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', authorization: `Bearer ${HOLDFAST_API_KEY}` },
        body: JSON.stringify({ query, variables: { input } }),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      })
      const { data, errors } = (await response.json()) as {
        data?: Record<string, Payload & { userErrors: { code: string; message: string }[] }>
        errors?: { message: string; extensions: { code: string } }[]
      }
      if (!errors) {
        const payload = data![mutation]!
        const [fault] = payload.userErrors
        if (fault) throw new Refused(fault.code, fault.message)
        return payload
      }
      reason = errors[0]!.message
      if (!['UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL'].includes(errors[0]!.extensions.code)) throw new Refused(errors[0]!.extensions.code, reason)
    } catch (error) {
      if (error instanceof Refused) throw error
      signal?.throwIfAborted()
      // Nobody there, no answer in time, or half of one.
      reason = ((error as Error).cause as { code?: string } | undefined)?.code ?? (error as Error).message
    }
    if (tries === 0) console.log('waiting for the server:', reason)
    // Not all at the same moment when the server is back.
    await sleep(Math.min(5000, 100 * 2 ** tries) * (0.75 + Math.random() / 2), undefined, signal && { signal })
  }
}

// ---- One attempt.

interface Claim {
  leaseToken: string
  task: { id: string; params: Params; attempt: number }
}

class Attempt {
  readonly lease: { id: string; leaseToken: string }
  readonly stopping = new AbortController()
  report: { progress?: number; progressMessage?: string } = {}

  constructor(readonly claim: Claim) {
    this.lease = { id: claim.task.id, leaseToken: claim.leaseToken }
  }

  /** Ends the work; the first reason counts. */
  end(reason: string): void {
    this.stopping.abort(reason)
  }

  async run(): Promise<void> {
    const { id, params, attempt } = this.claim.task
    console.log('began', id, `attempt ${attempt}`)
    const over = new AbortController()
    const beats = this.#beat(over.signal)
    // Sent again because its answer was lost, it does not happen twice: the key says that it is the same.
    const once = { ...this.lease, idempotencyKey: `${id} ${attempt}` }
    const tell = (mutation: string, about: object) => ask(mutation, 'task { id }', { ...once, ...about }, { signal: givingUp.signal })
    try {
      const outcome = await work(params, this.stopping.signal, (progress, progressMessage) => {
        this.report = { progress, progressMessage }
      }).then(
        (result) => ({ result }),
        (error: Error) => ({ error }),
      )
      over.abort()
      await beats
      if (this.stopping.signal.aborted) {
        if (this.stopping.signal.reason === 'LEASE_LOST') return
        await tell('taskRelease', {}) // cancelled, out of time, or this program stops
        console.log('gave back', id, this.stopping.signal.reason)
      } else if ('error' in outcome) {
        await tell('taskFail', { error: String(outcome.error).slice(0, 4000) })
        console.log('failed', id, outcome.error)
      } else {
        await tell('taskComplete', { ...outcome, summary: `Counted to ${params.to}.` })
        console.log('completed', id)
      }
    } catch (error) {
      // TASK_NOT_LEASED: the lease ran out meanwhile, and the task is another's. There is nothing to be done.
      console.log('refused', id, error instanceof Refused ? error.code : error)
    }
  }

  /** Says every second that it lives. Learns by the answer that it shall stop, or that the task is another's by now. */
  async #beat(over: AbortSignal): Promise<void> {
    let renewed = performance.now()
    while (await sleep(1000, true, { signal: over }).catch(() => false)) {
      const now = performance.now()
      // Until the lease is over. Should this program have been stopped for longer than that, the server is asked all the same.
      const lost = AbortSignal.timeout(Math.max(2000, Math.ceil(renewed + leaseMs - now)))
      try {
        const answer = await ask<{ cancelRequested: boolean; reason: string }>(
          'taskHeartbeat',
          'cancelRequested reason',
          { ...this.lease, ...this.report },
          { signal: AbortSignal.any([over, lost]), timeoutMs: 10_000 },
        )
        renewed = now
        if (answer.cancelRequested) this.end(answer.reason)
      } catch (error) {
        if (over.aborted) return
        console.log('lost', this.lease.id, error instanceof Refused ? error.code : 'the server is away')
        return this.end('LEASE_LOST')
      }
    }
  }
}

// ---- The program: register, claim, work, and stop when it is asked to.

const stopping = new AbortController()
/** Aborts when what cannot be told now will not be told. */
const givingUp = new AbortController()
const running = new Map<Attempt, Promise<void>>()

for (const name of ['SIGTERM', 'SIGINT'] as const)
  process.on(name, () => {
    if (stopping.signal.aborted) process.exit(130)
    console.log('stopping')
    stopping.abort()
  })

try {
  const { signal } = stopping
  await ask('taskTypeRegister', 'taskType { name }', { name: WORKER_TYPE, description: 'Counts, slowly.', paramsSchema }, { signal })
  console.log('working on', WORKER_TYPE, 'as', worker)
  while (!signal.aborted) {
    if (running.size === AT_ONCE) await Promise.race(running.values())
    // Waits at the server until there is something to do. One that leaves while it waits takes nothing with it.
    // The key is for an answer that is lost: asked again, the server gives the same tasks, and not others.
    const wish = { types: [WORKER_TYPE], limit: AT_ONCE - running.size, leaseSeconds: leaseMs / 1000, worker, waitSeconds: 30, idempotencyKey: randomUUID() }
    const { claims } = await ask<{ claims: Claim[] }>('taskClaim', 'claims { leaseToken task { id params attempt } }', wish, { signal, timeoutMs: 45_000 })
    for (const claim of claims) {
      const attempt = new Attempt(claim)
      running.set(
        attempt,
        attempt.run().finally(() => running.delete(attempt)),
      )
    }
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    console.log(String(error))
    process.exitCode = 1
  }
}
// The server shall have seen the waiting claim leave, or it would be given first what is given back now.
await sleep(100)
for (const attempt of running.keys()) attempt.end('SHUTDOWN')
const patience = setTimeout(() => givingUp.abort(), 10_000)
await Promise.all(running.values())
clearTimeout(patience)
console.log('stopped')
