/**
 * A query over HTTP: processor time of the server per request, and requests a second, of Holdfast and of stock Yoga + Pothos +
 * Prisma on the same rows. The load comes from this process, over connections that are kept open; the two take turns.
 */
import { dialects, scratchDatabase } from '../test/kit/databases.ts'
import { type Child, startChild } from './kit/child.ts'
import { startHoldfast } from './kit/holdfast.ts'
import { burst, dataOf, type Post, perSecond, poster } from './kit/load.ts'
import { median, medianRatio, ROUND_MS, ROUNDS, short, table } from './kit/stats.ts'

const CONNECTIONS = 16
const TASKS = 100
const TASK = 'query ($id: ID!) { task(id: $id) { id type status progress attempt createdAt } }'

interface Contestant {
  server: Child
  post: Post
  /** Who asks, where that matters. */
  headers: Record<string, string>
  ids: string[]
}
interface Round {
  cpuUs: number
  rate: number
}

/** By nobody: the HTTP layer alone. */
const HELLO = '{ __typename }'
const QUERIES: Record<string, (ids: string[]) => (i: number) => string> = {
  [HELLO]: () => () => '{"query":"{ __typename }"}',
  'task(id) { 6 fields }': (ids) => {
    const bodies = ids.map((id) => JSON.stringify({ query: TASK, variables: { id } }))
    return (i) => bodies[i % bodies.length]!
  },
}

async function round({ server, post, headers, ids }: Contestant, query: string, forMs: number): Promise<Round> {
  const body = QUERIES[query]!(ids)
  let i = 0
  const before = await server.cpuMs()
  const done = await burst(CONNECTIONS, forMs, async () => {
    const text = await post(body(i++), query === HELLO ? {} : headers)
    if (text.includes('"errors"') || text.includes(':null}')) throw new Error(text)
  })
  return { cpuUs: (((await server.cpuMs()) - before) / done.count) * 1000, rate: perSecond(done) }
}

const rows: Record<string, string>[] = []
for (const dialect of dialects()) {
  const scratch = await scratchDatabase(dialect)
  const holdfast = await startHoldfast(scratch.url, {}, CONNECTIONS)
  const reference = await startChild('bench/kit/reference.ts', { DATABASE_URL: scratch.url }, 'url')
  try {
    const create = `mutation { taskCreate(input: { type: "text.generate", params: { prompt: "x" }, runImmediately: false }) { task { id } userErrors { message } } }`
    const ids: string[] = []
    for (let i = 0; i < TASKS; i++) {
      const { taskCreate } = dataOf<{ taskCreate: { task: { id: string } } }>(await holdfast.post(JSON.stringify({ query: create })))
      ids.push(taskCreate.task.id)
    }
    const { url, token } = reference.ready
    const ours: Contestant = { server: holdfast, post: poster(holdfast.url, CONNECTIONS), headers: holdfast.headers, ids }
    // Its ids are the bare ones.
    const bare = ids.map((id) => id.replace('Task:', ''))
    const theirs: Contestant = { server: reference, post: poster(url!, CONNECTIONS), headers: { authorization: `Bearer ${token}` }, ids: bare }

    for (const query of Object.keys(QUERIES)) {
      if (query === HELLO && dialect !== 'sqlite') continue
      const mine: Round[] = []
      const other: Round[] = []
      await round(ours, query, ROUND_MS)
      await round(theirs, query, ROUND_MS)
      for (let n = 0; n < ROUNDS; n++) {
        mine.push(await round(ours, query, ROUND_MS))
        other.push(await round(theirs, query, ROUND_MS))
      }
      const each = (of: keyof Round) => [mine.map((r) => r[of]), other.map((r) => r[of])] as const
      const [[cpu, cpuTheirs], [rate, rateTheirs]] = [each('cpuUs'), each('rate')]
      rows.push({
        query: `${query}${query === HELLO ? '' : `, ${dialect}`}`,
        'Holdfast µs': short(median(cpu)),
        'stock µs': short(median(cpuTheirs)),
        'CPU ratio': short(medianRatio(cpu, cpuTheirs)),
        'Holdfast req/s': short(median(rate)),
        'stock req/s': short(median(rateTheirs)),
        'req/s ratio': short(medianRatio(rate, rateTheirs)),
      })
    }
  } finally {
    await holdfast.stop()
    await reference.stop()
    await scratch.drop()
  }
}
console.log(
  `\nA query over HTTP, ${CONNECTIONS} connections; µs are the server’s processor time per request. CPU ratio: less is better; req/s ratio: more is.\n`,
)
table(rows)
process.exit()
