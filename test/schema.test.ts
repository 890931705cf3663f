import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql'
import { expect, test } from 'vitest'
import { apiScopes } from '../src/core/scopes.ts'
import { buildSchema } from '../src/graphql/schema.ts'

const schema: GraphQLSchema = buildSchema()
const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))

test('schema.graphql is what the code says', () => {
  expect(readFileSync('schema.graphql', 'utf8')).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`)
})

test('every type, field, argument, input and enum value has a description', () => {
  const missing: string[] = []
  const need = (place: string, { description }: { description?: string | null | undefined }) => description?.trim() || missing.push(place)
  for (const type of types) {
    need(type.name, type)
    if (isEnumType(type)) for (const value of type.getValues()) need(`${type.name}.${value.name}`, value)
    if (isInputObjectType(type)) for (const field of Object.values(type.getFields())) need(`${type.name}.${field.name}`, field)
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        need(`${type.name}.${field.name}`, field)
        for (const arg of field.args) need(`${type.name}.${field.name}(${arg.name})`, arg)
      }
    }
  }
  expect(missing).toEqual([])
})

test('every root field declares who may use it', () => {
  const known = new Set<unknown>(['PUBLIC', 'USER', 'ADMIN', ...apiScopes, ...apiScopes.map((scope) => `ADMIN+${scope}`)])
  const roots = [schema.getQueryType()!, schema.getMutationType()!, schema.getSubscriptionType()!]
  const silent = roots.flatMap((root) =>
    Object.values(root.getFields())
      .filter((field) => !known.has(field.extensions.rights))
      .map((field) => `${root.name}.${field.name}`),
  )
  expect(silent).toEqual([])
})

test('every mutation takes one input and answers userErrors and eventCursor', () => {
  const wrong = Object.values(schema.getMutationType()!.getFields()).filter((field) => {
    const payload = schema.getType(String(field.type).replace('!', ''))
    return !(
      field.args.length === 1 &&
      field.args[0]!.name === 'input' &&
      isObjectType(payload) &&
      payload.getFields().userErrors &&
      payload.getFields().eventCursor
    )
  })
  expect(wrong.map((field) => field.name)).toEqual([])
})

test('the Relay compiler accepts the schema', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-relay-'))
  try {
    mkdirSync(path.join(folder, 'src'))
    writeFileSync(path.join(folder, 'schema.graphql'), printSchema(schema))
    mkdirSync(path.join(folder, 'generated'))
    writeFileSync(path.join(folder, 'package.json'), '{"name":"relay-trial"}')
    writeFileSync(
      path.join(folder, 'relay.config.json'),
      JSON.stringify({ src: 'src', schema: 'schema.graphql', language: 'javascript', artifactDirectory: 'generated' }),
    )
    writeFileSync(
      path.join(folder, 'src/Tasks.js'),
      `import { graphql } from 'react-relay'
graphql\`query TasksQuery($first: Int!, $after: String) { viewer { id ...Tasks_viewer } tasks(first: $first, after: $after) { edges { cursor node { id status ...Tasks_task } } pageInfo { endCursor hasNextPage hasPreviousPage startCursor } } }\`
graphql\`fragment Tasks_viewer on User { email role }\`
graphql\`fragment Tasks_task on Task @argumentDefinitions(count: { type: "Int", defaultValue: 5 }, cursor: { type: "String" }) @refetchable(queryName: "TaskRefetchQuery") { type streams(first: $count, after: $cursor) @connection(key: "Task_streams") { edges { node { id text } } } }\`
graphql\`mutation TasksMutation($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code message path } } }\`
graphql\`subscription TasksSubscription($id: ID!) { streamChunks(streamId: $id) { text lastSeq status } }\`
`,
    )
    const run = spawnSync(process.execPath, [path.resolve('node_modules/relay-compiler/cli.js'), 'relay.config.json'], { cwd: folder, encoding: 'utf8' })
    expect(`${run.status} ${run.stdout}${run.stderr}`).toMatch(/^0 /)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
