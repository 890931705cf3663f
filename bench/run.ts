/** `npm run bench` runs all, `npm run bench http streams` some, `npm run bench -- --list` tells what there is. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const BENCHES: Record<string, string> = {
  http: 'A query over HTTP, against stock Yoga + Pothos + Prisma on the same rows.',
  streams: 'Chunks to 1, 100 and 1,000 subscribers, against Yoga with an in-memory pub/sub.',
  appends: 'Chunks on disk, against the file-backed server of Durable Streams.',
  writes: 'Tasks and chunks written, against naive Prisma creates; and what the log of events costs.',
  queue: 'The task engine against pg-boss, graphile-worker and BullMQ: drain, concurrent creates, idle start.',
  audit: 'Mutations with the trail of who did what, against the same without it; and how fast its chain is verified.',
  search: 'Documents searched by their words, and by words and meaning, against the statements on the same database, @orama/orama and MiniSearch.',
  import: 'A gigabyte of JSONL read into a collection: documents a second, and whether the server’s memory grows with the file.',
  'search-quality': 'Whether questions find their answers, by words, by meaning, and by both.',
  isolation: 'Answers to ids of what somebody else has, against ids that nothing ever had.',
  'queue-million': 'Claims, lists, filters and figures with a million tasks in the table, against the same with some hundred.',
  'usage-million': 'Sums and lists of a million calls of providers, against the same of a thousand.',
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in BENCHES))
if (unknown.length) {
  if (!asked.includes('--list')) console.error(`There is no ${unknown.join(', ')}. There is:`)
  for (const [name, about] of Object.entries(BENCHES)) console.log(`${name.padEnd(14)} ${about}`)
  process.exit(asked.includes('--list') ? 0 : 1)
}
let failed = 0
for (const name of asked.length ? asked : Object.keys(BENCHES)) {
  console.log(`\n— ${name}: ${BENCHES[name]}`)
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', path.join(import.meta.dirname, `${name}.ts`)], { stdio: 'inherit' })
  if (status !== 0) failed++
}
process.exitCode = failed ? 1 : 0
