/**
 * Which JSON Schemas are taken for the params of a type: draft 2020-12, whole in itself. What would be read from elsewhere,
 * or is not understood by what checks the params, is refused when the type is registered and not passed over in silence.
 */

export interface SchemaFault {
  message: string
  path: string[]
}

export const MAX_SCHEMA_BYTES = 50_000
const MAX_SCHEMA_DEPTH = 40
const MAX_PATTERN_LENGTH = 1000
const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']

type Rule = (value: unknown) => string | null
const must = (fulfils: (value: unknown) => boolean, what: string): Rule => {
  return (value) => (fulfils(value) ? null : `Must be ${what}`)
}
const isText = (value: unknown): value is string => typeof value === 'string'
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText)
export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const count = must((value) => Number.isSafeInteger(value) && (value as number) >= 0, 'a whole number from 0 on')
const number = must((value) => Number.isFinite(value), 'a number')
const texts = must(isTexts, 'a list of names')
const refused = (why: string): Rule => {
  return () => why
}
const pattern: Rule = (value) => {
  if (!isText(value) || value.length > MAX_PATTERN_LENGTH) return `Must be a regular expression of at most ${MAX_PATTERN_LENGTH} characters`
  try {
    new RegExp(value, 'u')
    return null
  } catch (error) {
    return (error as Error).message
  }
}
const unsupported = refused('Is not supported here')

/** What stands for itself. */
const VALUES: Record<string, Rule> = {
  type: must(
    (value) => (isTexts(value) ? (value as string[]) : [value]).every((word) => TYPES.includes(word as string)),
    `one or several of ${TYPES.join(', ')}`,
  ),
  enum: must(Array.isArray, 'a list of values'),
  required: texts,
  dependentRequired: must((value) => isRecord(value) && Object.values(value).every(isTexts), 'an object with lists of names'),
  multipleOf: must((value) => Number.isFinite(value) && (value as number) > 0, 'a number above 0'),
  uniqueItems: must((value) => typeof value === 'boolean', 'true or false'),
  format: must((value) => isText(value) && !(value in Object.prototype), 'the name of a format'),
  $anchor: must((value) => isText(value) && /^[A-Za-z_][\w.-]{0,99}$/.test(value), 'a name'),
  $ref: must((value) => isText(value) && value.startsWith('#'), 'a place in this schema, beginning with #'),
  pattern,
  ...Object.fromEntries(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].map((word) => [word, number])),
  ...Object.fromEntries(
    ['minLength', 'maxLength', 'minItems', 'maxItems', 'minContains', 'maxContains', 'minProperties', 'maxProperties'].map((word) => [word, count]),
  ),
  $dynamicRef: unsupported,
  $dynamicAnchor: unsupported,
  $recursiveRef: unsupported,
  $recursiveAnchor: unsupported,
  $id: refused('A schema within another has no $id of its own here'),
  id: unsupported,
  dependencies: refused('Is of an older draft; use dependentRequired or dependentSchemas'),
}

/** What holds further schemas. */
const ONE = [
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
  'additionalProperties',
  'unevaluatedProperties',
  'additionalItems',
  'unevaluatedItems',
  'items',
]
const SEVERAL = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items']
const NAMED = ['$defs', 'definitions', 'properties', 'patternProperties', 'dependentSchemas']

/** Everything about the schema that is not taken; empty where it is. */
export function schemaFaults(schema: unknown): SchemaFault[] {
  if (Buffer.byteLength(JSON.stringify(schema) ?? '') > MAX_SCHEMA_BYTES) return [{ message: `Must have at most ${MAX_SCHEMA_BYTES} bytes as JSON`, path: [] }]
  if (isDeeper(schema, MAX_SCHEMA_DEPTH)) return [{ message: `Must be at most ${MAX_SCHEMA_DEPTH} levels deep`, path: [] }]
  const faults: SchemaFault[] = []
  const places = new Set<string>()
  const references: { to: string; path: string[] }[] = []

  const visit = (part: unknown, path: string[]): void => {
    places.add(pointer(path))
    if (typeof part === 'boolean') return
    if (!isRecord(part)) return void faults.push({ message: 'Must be a schema: an object, true or false', path })
    for (const [word, value] of Object.entries(part)) {
      const at = [...path, word]
      if (word.startsWith('__')) faults.push({ message: 'Is no keyword', path: at })
      else if (SEVERAL.includes(word) && Array.isArray(value)) for (const [i, each] of value.entries()) visit(each, [...at, String(i)])
      else if (ONE.includes(word)) visit(value, at)
      else if (SEVERAL.includes(word)) faults.push({ message: 'Must be a list of schemas', path: at })
      else if (NAMED.includes(word) && !isRecord(value)) faults.push({ message: 'Must be an object of schemas', path: at })
      else if (NAMED.includes(word))
        for (const [name, each] of Object.entries(value as object)) {
          const fault = word === 'patternProperties' ? pattern(name) : null
          if (fault) faults.push({ message: fault, path: [...at, name] })
          visit(each, [...at, name])
        }
      else {
        // The document's own name says where it is from, and nothing about what is in it.
        const fault = Object.hasOwn(VALUES, word) && !(word === '$id' && !path.length) ? VALUES[word]!(value) : null
        if (fault) faults.push({ message: fault, path: at })
        else if (word === '$ref') references.push({ to: value as string, path: at })
        else if (word === '$anchor') places.add(`#${value}`)
      }
    }
  }
  visit(schema, [])
  for (const { to, path } of references) if (!places.has(target(to))) faults.push({ message: `There is no schema at ${to.slice(0, 100)}`, path })
  return faults
}

const pointer = (path: string[]): string => `#${path.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`

function target(reference: string): string {
  try {
    return decodeURIComponent(reference)
  } catch {
    return reference
  }
}

/** Not recursive: what it looks for would break recursion. */
function isDeeper(value: unknown, limit: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length; depth++) {
    if (depth > limit) return true
    level = level.flatMap((part) => (typeof part === 'object' && part !== null ? Object.values(part) : []))
  }
  return false
}
