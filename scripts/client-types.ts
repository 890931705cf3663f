/** Writes `src/client/schema.ts`, the types that the client speaks of, out of `schema.graphql`; with `--check` only says whether it is up to date. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import {
  buildSchema,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
} from 'graphql'

const FILE = 'src/client/schema.ts'
/** What the client names; the inputs and enums that these lead to come along. */
const ROOTS = ['Task', 'TaskEventKind', 'StreamChunk', 'StreamStatus', 'AuthTokens', 'ErrorCode', 'TaskCreateInput', 'TaskUpdateInput', 'TaskFilter']
const SCALARS: Record<string, string> = {
  Boolean: 'boolean',
  Float: 'number',
  Int: 'number',
  SafeInt: 'number',
  String: 'string',
  ID: 'string',
  Cursor: 'string',
  DateTime: 'string',
  JSON: 'unknown',
}

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))
const wanted = new Map<string, GraphQLNamedType>()

function want(type: GraphQLNamedType): void {
  if (wanted.has(type.name) || isScalarType(type)) return
  wanted.set(type.name, type)
  const fields = isInputObjectType(type) ? Object.values(type.getFields()) : isObjectType(type) ? leaves(type.getFields()) : []
  for (const field of fields) want(getNamedType(field.type))
}

/** Fields that hold a value, and ask for nothing. */
function leaves(fields: Record<string, GraphQLField<unknown, unknown>>): GraphQLField<unknown, unknown>[] {
  return Object.values(fields).filter((field) => isLeafType(getNamedType(field.type)) && field.args.length === 0)
}

function written(type: GraphQLType): string {
  if (isNonNullType(type)) return nullable(type.ofType)
  const name = nullable(type)
  return name === 'unknown' ? name : `${name} | null`
}

function nullable(type: GraphQLType): string {
  if (!isListType(type)) return SCALARS[getNamedType(type).name] ?? getNamedType(type).name
  const each = written(type.ofType)
  return each.includes(' ') ? `readonly (${each})[]` : `readonly ${each}[]`
}

const doc = (description: string | null | undefined, indent = '') => (description ? `${indent}/** ${description.replace(/\s+/g, ' ')} */\n` : '')
const field = ({ name, type, description }: GraphQLField<unknown, unknown>) => `${doc(description, '  ')}  readonly ${name}: ${written(type)}\n`
const given = ({ name, type, description, defaultValue }: GraphQLInputField) =>
  `${doc(description, '  ')}  ${name}${isNonNullType(type) && defaultValue === undefined ? '' : '?'}: ${written(type)}${isNonNullType(type) ? '' : ' | undefined'}\n`

function declared(type: GraphQLNamedType): string {
  if (isEnumType(type)) {
    const values = type.getValues().map(({ name }) => `'${name}'`)
    return `${doc(type.description)}export type ${type.name} = ${values.join(' | ')}\n`
  }
  if (isInputObjectType(type)) return `${doc(type.description)}export interface ${type.name} {\n${Object.values(type.getFields()).map(given).join('')}}\n`
  if (!isObjectType(type)) throw new Error(`${type.name} is of a kind that the client has no use for.`)
  const fields = leaves(type.getFields())
  return `${doc(type.description)}export interface ${type.name} {\n${fields.map(field).join('')}}\n\nexport const ${type.name}_FIELDS = '${fields.map(({ name }) => name).join(' ')}'\n`
}

for (const name of ROOTS) want(schema.getType(name)!)
const types = [...wanted.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
const text = `/** Written by \`npm run build\` out of schema.graphql; not to be changed by hand. */\n\n${types.map(declared).join('\n')}`

if (existsSync(FILE) && readFileSync(FILE, 'utf8') === text) console.log(`${FILE} is up to date.`)
else if (process.argv.includes('--check')) {
  console.error(`${FILE} is not what schema.graphql says; run \`npm run build\`.`)
  process.exitCode = 1
} else {
  writeFileSync(FILE, text)
  console.log(`${FILE} is written.`)
}
