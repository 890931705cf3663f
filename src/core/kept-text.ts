/** What a task's function answers comes from anywhere; here it becomes what both databases can keep. */

const STANDS_FOR_UNKEEPABLE = '\ufffd'

/** Text without null characters and halves of characters, cut to `max`. */
export const keptText = (text: string, max = Number.POSITIVE_INFINITY): string => text.slice(0, max).replace(/\0|\p{Surrogate}/gu, STANDS_FOR_UNKEEPABLE)

/** A JSON value without them. Throws where the value is none. */
export function keptJson(value: unknown): unknown {
  const json = JSON.stringify(value)
  if (json === undefined) return null
  // JSON spells out what cannot be kept; each escape is looked at whole, for a backslash may itself be escaped.
  return JSON.parse(json.replace(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g, (sequence, letter: string) => (letter.length > 1 ? STANDS_FOR_UNKEEPABLE : sequence)))
}
