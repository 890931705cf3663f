/** Values as they are kept: what JSON says of them, and nothing that it would lose. */

/** Throws for what would come back as something else, and names its place. */
export function checkedJson(value: unknown, place = 'value', around: readonly object[] = []): void {
  const lost = lossOf(value, around)
  if (lost) throw new TypeError(`${place} is ${lost.what}, which JSON does not keep: ${lost.advice}.`)
  if (typeof value !== 'object' || value === null) return
  const within = [...around, value]
  if (Array.isArray(value)) for (const [i, each] of value.entries()) checkedJson(each, `${place}[${i}]`, within)
  // A field that is undefined is as good as absent, in JSON too.
  else for (const [name, each] of Object.entries(value)) if (each !== undefined) checkedJson(each, `${place}.${name}`, within)
}

function lossOf(value: unknown, around: readonly object[]): { what: string; advice: string } | null {
  if (typeof value === 'number') return Number.isFinite(value) ? null : { what: String(value), advice: 'store null, or a text' }
  if (typeof value === 'bigint') return { what: 'a bigint', advice: 'store String(…)' }
  if (value === undefined) return { what: 'undefined', advice: 'store null' }
  if (typeof value === 'function' || typeof value === 'symbol') return { what: `a ${typeof value}`, advice: 'leave it out' }
  if (typeof value !== 'object' || value === null) return null
  if (around.includes(value)) return { what: 'part of itself', advice: 'store its id instead' }
  if (value instanceof Date) return { what: 'a Date', advice: 'store its toISOString(), or getTime()' }
  const prototype = Object.getPrototypeOf(value)
  // A plain object's prototype has none; it may be that of another realm.
  if (Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null) return null
  return { what: `of the class ${(value as object).constructor.name}`, advice: 'store a plain object' }
}

/** Makes it plain that changing it changes nothing: assigning to a field of it throws. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const each of Object.values(value)) frozen(each)
  return Object.freeze(value)
}
