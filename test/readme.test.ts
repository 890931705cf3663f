import { readFileSync } from 'node:fs'
import { Kind, type OperationDefinitionNode, parse, validate } from 'graphql'
import { expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'
import { limitsOf } from '../src/graphql/limits.ts'
import { buildSchema } from '../src/graphql/schema.ts'

const schema = buildSchema()
const config = readConfig({})
const weigh = limitsOf(schema, config)
const readme = readFileSync('README.md', 'utf8')

/** What is pasted into a terminal, with the shell's quotes and variables resolved, and what stands in blocks of its own. */
const pasted = [...readme.matchAll(/-d '(\{"query":.*?\})'(?= \||$)/gm)].map(([, body]) => JSON.parse(body!.replace(/'\$\w+'/g, 'Stream:x')).query as string)
const blocks = [...readme.matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, block]) => block!)

it('The README has what to paste', () => {
  expect(pasted.length).toBeGreaterThanOrEqual(5)
  expect(blocks.length).toBeGreaterThanOrEqual(5)
})

it.each([...pasted, ...blocks])('A server with default settings accepts what the README shows: %s', (text) => {
  // A block may show several operations, each to be sent by itself.
  for (const operation of parse(text).definitions as OperationDefinitionNode[]) {
    const document = { kind: Kind.DOCUMENT, definitions: [operation] } as const
    expect(validate(schema, document)).toEqual([])
    expect(weigh(document, operation, {}).cost).toBeLessThan(config.MAX_COST)
  }
})
