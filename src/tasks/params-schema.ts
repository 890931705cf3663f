/**
 * Checks the params of a task against the schema that somebody registered for its type.
 *
 * The schema is interpreted, never made into code. Whoever registers one may make it slow, by a pattern or by references
 * that branch; so what is not plainly quick is watched, and given up after a moment.
 */
import { type OutputUnit, Validator } from '@cfworker/json-schema'
import { TookTooLong, timeBounded } from '../core/time-bounded.ts'
import { isRecord } from './params-schema-rules.ts'

export interface ParamsIssue {
  message: string
  /** From the params on. */
  path: string[]
}

export type ParamsCheck = (params: unknown) => ParamsIssue[]

const CHECK_LIMIT_MS = 250
const MAX_ISSUES = 50
/** Schema parts times bytes of params: as long as nothing multiplies them, this many take a few milliseconds. */
const PLAIN_WORK = 1_000_000
const QUICK_FORMATS = ['date', 'time', 'date-time', 'uuid', 'ipv4']

const TOO_LONG = 'Takes too long to check against the schema of the type'
export const TOOK_TOO_LONG: readonly ParamsIssue[] = [{ message: TOO_LONG, path: [] }]
const ENDLESS = 'Cannot be checked against the schema of the type'

/** Whether a check comes to an end at all: references may lead in a circle. */
export const isCheckable = (schema: unknown): boolean => !paramsCheck(schema)({}).some(({ message }) => message === TOO_LONG || message === ENDLESS)

/** The check that a schema stands for. `schemaFaults` must have found nothing in it. */
export function paramsCheck(schema: unknown): ParamsCheck {
  // Its own copy, for the validator writes into it; without the name, for all references are within.
  const own = JSON.parse(JSON.stringify(schema)) as Record<string, unknown> | boolean
  if (isRecord(own)) delete own.$id
  const validator = new Validator(own, '2020-12', false)
  const { parts, isPlain } = weightOf(own)
  return (params) => {
    const json = JSON.stringify(params ?? null)
    const check = () => issuesOf(validator.validate(JSON.parse(json)).errors)
    try {
      return isPlain && parts * json.length <= PLAIN_WORK ? check() : timeBounded(CHECK_LIMIT_MS, check)
    } catch (error) {
      if (error instanceof TookTooLong) return [...TOOK_TOO_LONG]
      // A reference that leads back to itself without going down into the params; or more faults than the stack holds.
      if (error instanceof RangeError) return [{ message: ENDLESS, path: [] }]
      throw error
    }
  }
}

/** How many parts there are, and whether each looks at each value at most once and quickly. */
function weightOf(schema: unknown): { parts: number; isPlain: boolean } {
  if (typeof schema !== 'object' || schema === null) return { parts: 1, isPlain: true }
  let parts = 1
  let isPlain = true
  for (const [word, value] of Object.entries(schema)) {
    const inner = weightOf(value)
    parts += inner.parts
    if (['$ref', 'pattern', 'patternProperties', 'uniqueItems'].includes(word) || (word === 'format' && !QUICK_FORMATS.includes(value))) isPlain = false
    isPlain &&= inner.isPlain
  }
  return { parts, isPlain }
}

/** Says of what is around a fault only that something within is wrong. */
const AROUND = new Set(
  '$ref allOf if properties patternProperties additionalProperties unevaluatedProperties dependentSchemas items prefixItems additionalItems unevaluatedItems'.split(
    ' ',
  ),
)
/** Of several ways none fits: what is wrong with each is not told. */
const CHOICE = new Set(['anyOf', 'oneOf', 'contains', 'minContains', 'propertyNames'])

/** In one pass, for there may be a hundred thousand. */
function issuesOf(errors: OutputUnit[]): ParamsIssue[] {
  const choices = new Set(errors.filter(({ keyword }) => CHOICE.has(keyword)).map((error) => error.keywordLocation.replace(/minContains$/, 'contains')))
  const issues: ParamsIssue[] = []
  let isHidden = false
  for (const [i, error] of errors.entries()) {
    // Where the schema is `false`, the place in it is not told; but what is around comes right before.
    isHidden = error.keyword === 'false' ? isHidden || choices.has(errors[i - 1]?.keywordLocation ?? '') : isWithin(error.keywordLocation, choices)
    if (!isHidden && !AROUND.has(error.keyword) && issues.push(issueOf(error)) === MAX_ISSUES) break
  }
  return issues
}

function isWithin(place: string, places: ReadonlySet<string>): boolean {
  if (places.size) for (let end = place.lastIndexOf('/'); end > 0; end = place.lastIndexOf('/', end - 1)) if (places.has(place.slice(0, end))) return true
  return false
}

const MESSAGES: Record<string, string> = { false: 'Is not allowed here', anyOf: 'Fits none of the allowed forms', not: 'Has a form that is not allowed' }

function issueOf({ keyword, error, instanceLocation }: OutputUnit): ParamsIssue {
  const path = instanceLocation
    .split('/')
    .slice(1)
    .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
  const missing = keyword === 'required' ? /"(.*)"\.$/s.exec(error)?.[1] : undefined
  if (missing !== undefined) return { message: 'Is needed', path: [...path, missing] }
  const words = error.replace(/^Instance (.)/, (_, first: string) => first.toUpperCase()).replace(/\.$/, '')
  return { message: MESSAGES[keyword] ?? words.slice(0, 500), path }
}
