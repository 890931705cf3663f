import { describe, expect, it } from 'vitest'
import { timeBounded } from '../../../src/core/time-bounded.ts'
import { isCheckable, paramsCheck } from '../../../src/tasks/params-schema.ts'
import { schemaFaults } from '../../../src/tasks/params-schema-rules.ts'

const issues = (schema: unknown, params: unknown) => {
  expect(schemaFaults(schema)).toEqual([])
  return paramsCheck(schema)(params)
}
const paths = (schema: unknown, params: unknown) => issues(schema, params).map(({ path }) => path.join('.'))
const TOO_LONG = [{ message: 'Takes too long to check against the schema of the type', path: [] }]

describe('params against the schema of their type', () => {
  it('are told every fault at once, each with its place', () => {
    const schema = {
      type: 'object',
      properties: { url: { type: 'string', minLength: 2 }, depths: { type: 'array', items: { type: 'integer', minimum: 3 } } },
      required: ['url', 'who/~ "x"'],
      additionalProperties: false,
    }
    expect(issues(schema, { url: 'x', depths: [1, 'k', 4], 'zé #/': 1 })).toEqual([
      { message: 'Is needed', path: ['who/~ "x"'] },
      { message: 'String is too short (1 < 2)', path: ['url'] },
      { message: '1 is less than 3', path: ['depths', '0'] },
      { message: 'Type "string" is invalid. Expected "integer"', path: ['depths', '1'] },
      { message: 'Is not allowed here', path: ['zé #/'] },
    ])
    expect(issues(schema, { url: 'https://example.com', depths: [3] }).map(({ path }) => path)).toEqual([['who/~ "x"']])
  })

  it('of several allowed forms are told that none fits, and not what is wrong with each', () => {
    const schema = {
      properties: {
        any: { anyOf: [{ type: 'string' }, { type: 'object', required: ['q'], additionalProperties: false }] },
        one: { oneOf: [{ type: 'number' }, { type: 'integer' }] },
        some: { contains: { type: 'string' }, minContains: 2 },
        names: { propertyNames: { maxLength: 1 } },
        not: { not: { type: 'string' } },
      },
    }
    expect(issues(schema, { any: { z: 1 }, one: 1, some: ['a', 2], names: { ab: 1 }, not: '' })).toEqual([
      { message: 'Fits none of the allowed forms', path: ['any'] },
      { message: 'Does not match exactly one subschema (2 matches)', path: ['one'] },
      { message: 'Array must contain at least 2 items matching schema. Only 1 items were found', path: ['some'] },
      { message: 'Property name "ab" does not match schema', path: ['names'] },
      { message: 'Has a form that is not allowed', path: ['not'] },
    ])
    expect(issues(schema, { any: 'q', one: 1.5, some: ['a', 'b'], names: { a: 1 }, not: 0 })).toEqual([])
  })

  it('follow references within the schema, to any depth of the params', () => {
    const tree = {
      $defs: { node: { type: 'object', properties: { value: { type: 'integer' }, next: { $ref: '#/$defs/node' } }, required: ['value'] } },
      $ref: '#/$defs/node',
    }
    expect(paths(tree, { value: 1, next: { value: 2, next: { value: 'x' } } })).toEqual(['next.next.value'])
    expect(paths(tree, { value: 1, next: { value: 2 } })).toEqual([])
    expect(paths({ $anchor: 'top', additionalProperties: { $ref: '#top' }, maxProperties: 1 }, { a: { a: 1, b: 2 } })).toEqual(['a'])
    expect(paths({ properties: { 'a/b~c d': { type: 'string' } }, additionalProperties: { $ref: '#/properties/a~1b~0c%20d' } }, { other: 1 })).toEqual([
      'other',
    ])
  })

  it.each([
    [JSON.parse('{"if":{"properties":{"kind":{"const":"url"}}},"then":{"required":["url"]}}'), { kind: 'url' }, ['url']],
    [{ dependentRequired: { a: ['b'] } }, { a: 1 }, ['']],
    [{ properties: { a: true }, unevaluatedProperties: false }, { a: 1, b: 2 }, ['b']],
    [{ patternProperties: { '^n_': { type: 'number' } } }, { n_a: 'x', m: 'x' }, ['n_a']],
    [{ properties: { at: { format: 'date-time' }, id: { format: 'uuid' } } }, { at: 'today', id: 'x' }, ['at', 'id']],
    [{ properties: { pair: { prefixItems: [{ type: 'string' }], items: false } } }, { pair: ['a', 2] }, ['pair.1']],
    [{ properties: { e: { enum: ['a', 'b'] } } }, { e: 'c' }, ['e']],
    [true, { anything: 1 }, []],
    [false, {}, ['']],
  ])('keep to %j', (schema, params, expected) => {
    expect(paths(schema, params)).toEqual(expected)
  })

  it('that name what every object has are params like others', () => {
    const schema = JSON.parse(
      '{"properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}},"required":["toString"],"additionalProperties":false}',
    )
    expect(paths(schema, JSON.parse('{"__proto__":1,"constructor":2}'))).toEqual(['toString', '__proto__', 'constructor'])
  })

  it('are given up after a moment where a pattern, references or comparisons would take for ever', () => {
    expect(issues({ properties: { a: { pattern: '^(a+)+$' } } }, { a: `${'a'.repeat(40)}!` })).toEqual(TOO_LONG)
    const doubling = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `d${i}`,
        i === 39 ? { type: 'object' } : { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
      ]),
    )
    expect(issues({ $defs: doubling, $ref: '#/$defs/d0' }, {})).toEqual(TOO_LONG)
    expect(issues({ properties: { a: { uniqueItems: true } } }, { a: Array.from({ length: 90_000 }, (_, i) => i) })).toEqual(TOO_LONG)
    const choices = { anyOf: Array.from({ length: 3000 }, (_, i) => ({ const: i })) }
    expect(issues({ properties: { a: { items: choices } } }, { a: Array.from({ length: 60_000 }, () => 'x') })).toEqual(TOO_LONG)
  })

  it('are checked where references lead in a circle: that is seen beforehand', () => {
    expect(isCheckable({ $ref: '#' })).toBe(false)
    expect(isCheckable({ $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' })).toBe(false)
    expect(isCheckable({ additionalProperties: { $ref: '#' } })).toBe(true)
    expect(issues({ properties: { a: { $ref: '#/properties/a' } } }, { a: 1 })).toEqual([
      { message: 'Cannot be checked against the schema of the type', path: [] },
    ])
  })

  it('do not make the schema do anything but describe', () => {
    const touched = globalThis as { touched?: boolean }
    const schema = {
      properties: { a: { const: 'x', title: '"+(globalThis.touched=true)+"', pattern: '"|x|`+(globalThis.touched=true)+`' } },
      $comment: '*/globalThis.touched=true/*',
    }
    expect(paths(schema, { a: 'x' })).toEqual([])
    expect(touched.touched).toBeUndefined()
  })
})

describe('a schema', () => {
  let deep: object = {}
  for (let i = 0; i < 60; i++) deep = { not: deep }

  it.each([
    [5, '', 'Must be a schema: an object, true or false'],
    [{ $ref: 'https://example.com/schema' }, '$ref', 'Must be a place in this schema, beginning with #'],
    [{ $ref: '#/$defs/nobody' }, '$ref', 'There is no schema at #/$defs/nobody'],
    [{ properties: 5 }, 'properties', 'Must be an object of schemas'],
    [{ properties: { a: 'string' } }, 'properties.a', 'Must be a schema: an object, true or false'],
    [{ anyOf: {} }, 'anyOf', 'Must be a list of schemas'],
    [{ type: 'text' }, 'type', 'Must be one or several of array, boolean, integer, null, number, object, string'],
    [{ required: 'a' }, 'required', 'Must be a list of names'],
    [{ properties: { a: { pattern: '(' } } }, 'properties.a.pattern', 'Invalid regular expression: /(/u: Unterminated group'],
    [{ patternProperties: { '[': {} } }, 'patternProperties.[', 'Invalid regular expression: /[/u: Unterminated character class'],
    [{ format: 'constructor' }, 'format', 'Must be the name of a format'],
    [{ minItems: -1 }, 'minItems', 'Must be a whole number from 0 on'],
    [{ multipleOf: 0 }, 'multipleOf', 'Must be a number above 0'],
    [{ $dynamicRef: '#x' }, '$dynamicRef', 'Is not supported here'],
    [{ properties: { a: { $id: 'https://example.com/a' } } }, 'properties.a.$id', 'A schema within another has no $id of its own here'],
    [{ __absolute_ref__: 'x' }, '__absolute_ref__', 'Is no keyword'],
    [deep, '', 'Must be at most 40 levels deep'],
    [{ description: 'x'.repeat(50_000) }, '', 'Must have at most 50000 bytes as JSON'],
  ])('is refused with its place: %j', (schema, place, message) => {
    expect(schemaFaults(schema).map((fault) => [fault.path.join('.'), fault.message])).toEqual([[place, message]])
  })

  it('that says where it is from, and holds words of its own, is taken', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'https://example.com/crawl',
      title: 'Crawl',
      examples: [{}],
      'x-shown': { a: 1 },
      type: 'object',
    }
    expect(issues(schema, {})).toEqual([])
  })
})

describe('what is bounded in time', () => {
  it('is stopped wherever it is, also within itself, and what comes after runs as ever', () => {
    const forEver = (): never => {
      for (;;);
    }
    expect(() => timeBounded(20, forEver)).toThrow('It took longer than 20 ms.')
    expect(() => timeBounded(5000, () => timeBounded(20, forEver))).toThrow('It took longer than 20 ms.')
    expect(() => timeBounded(1000, () => JSON.parse('{'))).toThrow(SyntaxError)
    expect(timeBounded(1000, () => timeBounded(1000, () => 7) + 1)).toBe(8)
  })
})
