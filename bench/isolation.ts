/**
 * Whether the time of an answer tells that somebody else has what was asked for: the same fields with the id of another user's thing and with
 * one that nothing ever had, in one process and in turns.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Dialect } from '../src/db/sql.ts'
import { askedWith, keyOf, neverThere, told } from '../test/isolation/asking.ts'
import { CASES } from '../test/isolation/cases.ts'
import { roomFields } from '../test/isolation/fields.ts'
import { thingsOf } from '../test/isolation/things.ts'
import { dialects } from '../test/kit/databases.ts'
import { openWorld } from '../test/kit/world.ts'
import { EmbeddingsServer } from '../test/vectors/embeddings-server.ts'
import { median, medianRatio, short, table } from './kit/stats.ts'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9)
const CALLS = 50
const OTHERS_DOCUMENTS = 500

const FIELDS = [
  ['Query.node', 'id'],
  ['Query.searchCollection', 'id'],
  ['Query.searchCollectionExport', 'id'],
  ['Query.searchDocument', 'id'],
  ['Query.searchDocuments', 'filter.collectionId'],
  ['Query.search', 'input.collections'],
  ['Query.searchSuggest', 'input.collections'],
  ['Query.fact', 'id'],
  ['Query.facts', 'filter.taskId'],
  ['Query.facts', 'filter.ownerId'],
  ['Query.contextFor', 'input.conversationId'],
  ['Query.auditEntry', 'id'],
  ['Query.analytics', 'ownerId'],
  ['Mutation.searchCollectionUpdate', 'input.id'],
  ['Mutation.searchDocumentAdd', 'input.collectionId'],
  ['Mutation.searchDocumentUpdate', 'input.id'],
  ['Mutation.searchImportAppend', 'input.id'],
  ['Mutation.factCreate', 'input.taskId'],
  ['Mutation.factUpdate', 'input.id'],
] as const

interface Measure {
  name: string
  /** With the id of another’s, and with nobody’s. */
  asks: (() => Promise<unknown>)[]
  times: number[][]
}

async function onDatabase(dialect: Dialect): Promise<Record<string, string>[]> {
  const model = await EmbeddingsServer.start()
  const world = await openWorld(dialect, { env: { OPENAI_BASE_URL: model.baseUrl, LOCAL_EMBEDDINGS: 'off' } })
  try {
    await world.user('admin')
    const [ada, ben] = [await world.user('ada'), await world.user('ben')]
    const [others, mine] = [await thingsOf(world, ada, OTHERS_DOCUMENTS), await thingsOf(world, ben, 8)]
    const measures: Measure[] = []
    for (const [key, path] of FIELDS) {
      const field = roomFields.find((each) => keyOf(each) === key)!
      const place = field.places.find((each) => each.path === path)!
      const theirs = others[CASES[key]!.ids![path]!.is]
      const ids = [theirs, neverThere(theirs)]
      const asks = ids.map((id) => {
        const { query, variables } = askedWith(field, CASES[key]!, mine, place, id)[0]!
        return () => world.ask(query, variables, ben)
      })
      const [a, b] = [told(await asks[0]!(), ids[0]!), told(await asks[1]!(), ids[1]!)]
      if (!isDeepStrictEqual(a, b)) throw new Error(`${key} ${path}: ${JSON.stringify([a, b])}`)
      measures.push({ name: `${field.name}(${path.replace('input.', '')})`, asks, times: [[], []] })
    }
    // The first one is for warming up.
    for (let round = -1; round < ROUNDS; round++)
      for (const { asks, times } of measures) {
        const calls: number[][] = [[], []]
        for (let n = 0; n < CALLS; n++)
          // Who is first changes, so that neither is always behind the other.
          for (const i of n % 2 ? [0, 1] : [1, 0]) {
            const from = performance.now()
            await asks[i]!()
            calls[i]!.push(performance.now() - from)
          }
        if (round >= 0) for (const i of [0, 1]) times[i]!.push(median(calls[i]!))
      }
    return measures.map(({ name, times: [theirs, nothings] }) => ({
      [dialect]: name,
      'another’s, ms': short(median(theirs!)),
      'nobody’s, ms': short(median(nothings!)),
      ratio: short(medianRatio(theirs!, nothings!)),
    }))
  } finally {
    await world.close()
    model.close()
  }
}

for (const dialect of dialects()) {
  table(await onDatabase(dialect))
  console.log()
}
process.exit()
