/**
 * What the trail costs: mutations a second with it against without, in two servers that are alike, in short rounds that take turns. And how
 * long it takes to verify: entries a second.
 */
import { auditVerify } from '../src/audit/audit-verify.ts'
import { chainKey } from '../src/audit/chain.ts'
import { type Dialect, openDatabase } from '../src/db/database.ts'
import { secretsFrom } from '../src/secrets.ts'
import { dialects, scratchDatabase } from '../test/kit/databases.ts'
import { type Holdfast, startHoldfast } from './kit/holdfast.ts'
import { burst, dataOf, perSecond } from './kit/load.ts'
import { median, medianRatio, short, table } from './kit/stats.ts'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9)
const ROUND_MS = Number(process.env.BENCH_ROUND_MS ?? 300)
const WRITERS = [1, 50]
const SECRET = 'the secret of a server that is only measured'

const MUTATIONS = {
  taskCreate:
    'mutation { taskCreate(input: { type: "text.generate", params: { prompt: "x" }, runImmediately: false }) { task { id } userErrors { message } } }',
  userUpdate: 'mutation { userUpdate(input: { displayName: "somebody" }) { user { id } userErrors { message } } }',
}

async function side(dialect: Dialect, audit: 'on' | 'off') {
  const scratch = await scratchDatabase(dialect)
  const server = await startHoldfast(scratch.url, { AUDIT: audit, HOLDFAST_SECRET: SECRET }, Math.max(...WRITERS))
  return { scratch, server }
}

async function round(server: Holdfast, mutation: string, writers: number): Promise<{ rate: number; cpuUs: number }> {
  const body = JSON.stringify({ query: mutation })
  const before = await server.cpuMs()
  const done = await burst(writers, ROUND_MS, async () => dataOf(await server.post(body)))
  return { rate: perSecond(done), cpuUs: (((await server.cpuMs()) - before) / done.count) * 1000 }
}

const costs: Record<string, string>[] = []
const checks: Record<string, string>[] = []
for (const dialect of dialects()) {
  const [on, off] = [await side(dialect, 'on'), await side(dialect, 'off')]
  for (const [name, mutation] of Object.entries(MUTATIONS)) {
    for (const writers of WRITERS) {
      const pairs: [Awaited<ReturnType<typeof round>>, Awaited<ReturnType<typeof round>>][] = []
      for (let n = -1; n < ROUNDS; n++) {
        // Who begins changes, so that what a round leaves behind meets both.
        const first = n % 2 ? on : off
        const a = await round(first.server, mutation, writers)
        const b = await round((first === on ? off : on).server, mutation, writers)
        if (n >= 0) pairs.push(first === on ? [a, b] : [b, a])
      }
      const of = (which: 0 | 1, key: 'rate' | 'cpuUs') => pairs.map((pair) => pair[which][key])
      costs.push({
        'a mutation': `${name}, ${writers === 1 ? 'one by one' : `${writers} at a time`}, ${dialect}`,
        'with a trail/s': short(median(of(0, 'rate'))),
        'without/s': short(median(of(1, 'rate'))),
        ratio: short(medianRatio(of(0, 'rate'), of(1, 'rate'))),
        'with µs': short(median(of(0, 'cpuUs'))),
        'without µs': short(median(of(1, 'cpuUs'))),
        'CPU ratio': short(medianRatio(of(0, 'cpuUs'), of(1, 'cpuUs'))),
      })
    }
  }
  // The server seals what is left when it stops.
  for (const { server } of [on, off]) await server.stop()
  const database = await openDatabase({ url: on.scratch.url })
  const since = performance.now()
  const { checkedCount, fault, unsealedCount } = await auditVerify(database, chainKey(secretsFrom(SECRET)), { limit: 1_000_000 })
  if (fault || unsealedCount) throw new Error(`The trail is not whole, or not sealed: ${JSON.stringify({ fault, unsealedCount })}`)
  checks.push({ verified: dialect, entries: String(checkedCount), 'entries/s': short(checkedCount / ((performance.now() - since) / 1000)) })
  await database.close()
  for (const { scratch } of [on, off]) await scratch.drop()
}
console.log('\nOver HTTP. µs: processor time of the server for a mutation, sealing included.\n')
table(costs)
console.log('\nThe chain, verified from its first entry to its last.\n')
table(checks)
process.exit()
