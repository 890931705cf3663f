/** Operations of the cases: what is asked with an id at a place, as it is written, with its variables. */
import { newId } from '../../src/core/ids.ts'
import type { Case } from './cases.ts'
import type { Place, RoomField } from './fields.ts'
import type { Things } from './things.ts'

type Values = Record<string, unknown>

export interface Asked {
  query: string
  variables: Values
}

export const keyOf = ({ root, name }: RoomField): string => `${root}.${name}`

/** The field with its arguments as variables. */
export function asked({ root, name, args }: RoomField, { select }: Case, variables: Values): Asked {
  const given = [...args].filter(([arg]) => arg in variables)
  const declared = given.length ? `(${given.map(([arg, type]) => `$${arg}: ${type}`).join(', ')})` : ''
  const handed = given.length ? `(${given.map(([arg]) => `${arg}: $${arg}`).join(', ')})` : ''
  return { query: `${root.toLowerCase()} ${declared} { ${name}${handed} { ${select} } }`, variables }
}

/** With an id at a place, in each of the ways in which one can be given there. */
export function askedWith(field: RoomField, each: Case, mine: Things, place: Place, id: string): Asked[] {
  const ways = place.kind === 'id' ? [id] : place.kind === 'list' ? [[id]] : [{ eq: id }, { in: [id] }, { ne: id }, { notIn: [id] }]
  return ways.map((way) => asked(field, each, put(each.args?.(mine) ?? {}, place.path.split('.'), way)))
}

/** A copy with a value at a path; of lists the first entry is gone into. */
function put(values: Values, [name, ...rest]: readonly string[], value: unknown): Values {
  const inner = values[name!]
  if (!rest.length) return { ...values, [name!]: value }
  if (Array.isArray(inner)) return { ...values, [name!]: [put(inner[0] as Values, rest, value), ...inner.slice(1)] }
  return { ...values, [name!]: put((inner ?? {}) as Values, rest, value) }
}

/** An id of the same type that nothing ever had. */
export const neverThere = (id: string): string => `${id.slice(0, id.indexOf(':'))}:${newId()}`

/** An answer with the id that was asked about left out, so that two that differ in nothing else are the same. */
export const told = (answer: unknown, id: string): unknown =>
  JSON.parse(
    JSON.stringify(answer)
      .replaceAll(id, 'the id')
      .replaceAll(id.slice(id.indexOf(':') + 1), 'the id'),
  )
