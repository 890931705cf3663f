/**
 * Whether what is searched is found: a small library and questions with known answers (`quality/library.ts`), by words, by meaning and by both, with
 * the local model of embeddings. What counts is recall@10: how many questions have their answer among the first ten.
 */
import { scratchDatabase } from '../test/kit/databases.ts'
import { startHoldfast } from './kit/holdfast.ts'
import { dataOf } from './kit/load.ts'
import { short, table } from './kit/stats.ts'
import { LIBRARY, QUESTIONS, type Question } from './quality/library.ts'

const MODES = ['TEXT', 'VECTOR', 'HYBRID'] as const
const KINDS = ['MEANING', 'EXACT', 'BOTH'] as const
type Mode = (typeof MODES)[number]

const ADD = `mutation ($input: SearchDocumentAddManyInput!) { searchDocumentAddMany(input: $input) { collection { id } userErrors { message } } }`
const EMBED = `mutation ($id: ID!) { searchCollectionEmbed(input: { id: $id }) { userErrors { message } } }`
const READ = `query ($id: ID!) { searchCollection(id: $id) { embedding { status error } } }`
const SEARCH = `query ($input: SearchInput!) { search(input: $input) { nodes { document { externalId } } } }`

async function measure(dialect: 'sqlite' | 'postgresql'): Promise<Record<Mode, number>> {
  const scratch = await scratchDatabase(dialect)
  const holdfast = await startHoldfast(scratch.url, { TASK_CONCURRENCY: '4' })
  const ask = async <Data>(query: string, variables: object) => dataOf<Data>(await holdfast.post(JSON.stringify({ query, variables })))
  try {
    const documents = LIBRARY.map(({ id: externalId, text: content }) => ({ externalId, content }))
    const added = await ask<{ searchDocumentAddMany: { collection: { id: string } } }>(ADD, {
      input: { collection: 'library', createCollection: true, documents },
    })
    const { id } = added.searchDocumentAddMany.collection
    await ask(EMBED, { id })
    for (;;) {
      const { embedding } = (await ask<{ searchCollection: { embedding: { status: string; error: string | null } } }>(READ, { id })).searchCollection
      if (embedding.error) throw new Error(embedding.error)
      if (embedding.status === 'LIVE') break
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    const found = new Map<Mode, Question[]>(MODES.map((mode) => [mode, []]))
    for (const question of QUESTIONS)
      for (const mode of MODES) {
        const input = { query: question.text, collections: [id], mode, match: 'ANY', first: 10 }
        const { search } = await ask<{ search: { nodes: { document: { externalId: string } }[] } }>(SEARCH, { input })
        if (search.nodes.some(({ document }) => document.externalId === question.answer)) found.get(mode)!.push(question)
      }
    const share = (mode: Mode, of: (question: Question) => boolean) => found.get(mode)!.filter(of).length / QUESTIONS.filter(of).length
    console.log(`\n${dialect}: recall@10 of ${QUESTIONS.length} questions on ${LIBRARY.length} articles`)
    table(
      MODES.map((mode) => ({
        mode,
        ...Object.fromEntries(KINDS.map((kind) => [kind.toLowerCase(), short(share(mode, (question) => question.kind === kind))])),
        all: short(share(mode, () => true)),
      })),
    )
    return Object.fromEntries(MODES.map((mode) => [mode, share(mode, () => true)])) as Record<Mode, number>
  } finally {
    await holdfast.stop()
    await scratch.drop()
  }
}

for (const dialect of ['sqlite', 'postgresql'] as const) {
  const { TEXT, VECTOR, HYBRID } = await measure(dialect)
  if (HYBRID > TEXT && HYBRID > VECTOR) continue
  console.error(`On ${dialect} HYBRID finds no more than one side alone.`)
  process.exitCode = 1
}
