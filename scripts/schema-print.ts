/** Writes `schema.graphql`; with `--check` only says whether it is up to date. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { buildSchema } from '../src/graphql/schema.ts'

const printed = `${printSchema(lexicographicSortSchema(buildSchema()))}\n`
const kept = existsSync('schema.graphql') ? readFileSync('schema.graphql', 'utf8') : ''
if (printed === kept) console.log('schema.graphql is up to date.')
else if (process.argv.includes('--check')) {
  console.error('schema.graphql is not what the code says; run `npm run build`.')
  process.exitCode = 1
} else {
  writeFileSync('schema.graphql', printed)
  console.log('schema.graphql is written.')
}
process.exit()
