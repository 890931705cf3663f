/**
 * A large JSONL file read into a collection, part by part over the API, by a server that anyone would start: documents a second, and how
 * much memory the server has at its most while it reads each quarter. Flat is what does not grow with the file.
 */
import { statSync } from 'node:fs'
import { scratchDatabase } from '../test/kit/databases.ts'
import { startHoldfast } from './kit/holdfast.ts'
import { dataOf } from './kit/load.ts'
import { benchDocuments } from './kit/search-texts.ts'
import { short, table } from './kit/stats.ts'

const MEGABYTE = 1_000_000
const FILE_BYTES = Number(process.env.IMPORT_MB ?? 1000) * MEGABYTE
const PART_BYTES = 690_000
/** Longer would say no more. */
const LOOK_MS = 500

/** Whole rows, as much as a part may hold. */
function* parts(): Generator<{ text: string; isLast: boolean; rows: number }> {
  let text = ''
  let rows = 0
  let bytes = 0
  for (const [n, document] of enumerate(benchDocuments(Number.MAX_SAFE_INTEGER))) {
    const line = `${JSON.stringify({ externalId: `document ${n}`, ...document })}\n`
    if (text.length + line.length > PART_BYTES) {
      bytes += text.length
      yield { text, isLast: bytes >= FILE_BYTES, rows }
      if (bytes >= FILE_BYTES) return
      text = ''
      rows = 0
    }
    text += line
    rows++
  }
}

function* enumerate<T>(each: Iterable<T>): Generator<[number, T]> {
  let n = 0
  for (const one of each) yield [n++, one]
}

interface Import {
  id: string
  status: string
  rows: number
  added: number
  failed: number
  readBytes: number
  receivedBytes: number
}

const scratch = await scratchDatabase('sqlite')
const holdfast = await startHoldfast(scratch.url, { TASK_CONCURRENCY: '4' })
const ask = async <Data>(query: string, variables: object) => dataOf<Data>(await holdfast.post(JSON.stringify({ query, variables })))
const rssMb = async () => (await holdfast.ask<number>('rss')) / MEGABYTE

try {
  const idle = await rssMb()
  let id = ''
  let sent = 0
  let rows = 0
  let afterPart = 0
  let receiving = 0
  const from = performance.now()
  for (const { text, isLast, rows: more } of parts()) {
    const [name, input] = id
      ? ['searchImportAppend', { id, afterPart, text, isLast }]
      : ['searchImportCreate', { collection: 'bench', createCollection: true, format: 'JSONL', name: 'bench.jsonl', text, isLast }]
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`
    const data = await ask<Record<string, { import: { id: string } | null; userErrors: { message: string }[] }>>(
      `mutation ($input: ${type}!) { ${name}(input: $input) { import { id } userErrors { message } } }`,
      { input },
    )
    const { import: made, userErrors } = data[name]!
    if (!made) throw new Error(userErrors[0]!.message)
    id = made.id
    sent += text.length
    rows += more
    afterPart++
    if (afterPart % 20 === 0) receiving = Math.max(receiving, await rssMb())
  }
  const received = performance.now()
  const quarters = [0, 0, 0, 0]
  let now: Import
  do {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    const mb = await rssMb()
    const query = 'query ($id: ID!) { searchImport(id: $id) { id status rows added failed readBytes receivedBytes } }'
    now = (await ask<{ searchImport: Import }>(query, { id })).searchImport
    const quarter = Math.min(3, Math.floor((4 * now.readBytes) / now.receivedBytes))
    quarters[quarter] = Math.max(quarters[quarter]!, mb)
  } while (now.status === 'READING')
  if (now.status !== 'COMPLETED' || now.added !== rows) throw new Error(`It ended otherwise: ${JSON.stringify(now)}, of ${rows} rows.`)
  const seconds = (performance.now() - received) / 1000
  table([
    {
      'import, SQLite': `${short(sent / MEGABYTE)} MB of JSONL, ${rows.toLocaleString('en')} documents`,
      'received MB/s': short(sent / MEGABYTE / ((received - from) / 1000)),
      'documents/s': short(rows / seconds),
      'database MB': short(statSync(scratch.url.slice('file:'.length)).size / MEGABYTE),
      'memory MB: idle': short(idle),
      receiving: short(receiving),
      'reading, by quarters': quarters.map(short).join(', '),
      'last to first': short(quarters[3]! / quarters[0]!),
    },
  ])
} finally {
  await holdfast.stop()
  await scratch.drop()
}
process.exit()
