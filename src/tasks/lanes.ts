/**
 * Which tasks a worker chooses from together.
 *
 *   text.generate              a built-in type: any server takes any owner's
 *   crawl@<owner>              a type that programs elsewhere run: each owner's apart, for a key claims its owner's only
 *   text.generate@<owner>#<k>  a concurrency key of an owner: what waits behind a key that is full is in nobody else's way
 *
 * Within a lane the highest priority goes first, then the longest wait; a claim looks at the heads of lanes, so that its cost
 * does not depend on how much waits.
 */

/** No type's name holds these. */
const OWNER = '@'
const KEY = '#'
/** What follows `@` in the order of bytes: everything that begins with `type@` lies between the two. */
const AFTER_OWNER = 'A'

export function laneOf({
  type,
  isOutside,
  ownerId,
  concurrencyKey,
}: {
  type: string
  isOutside: boolean
  ownerId: string
  concurrencyKey?: string | null | undefined
}): string {
  if (concurrencyKey != null) return `${type}${OWNER}${ownerId}${KEY}${concurrencyKey}`
  return isOutside ? `${type}${OWNER}${ownerId}` : type
}

/** What a worker may take: some lanes by name, and all that lie between two names. */
export interface Lanes {
  exact: string[]
  ranges: { from: string; to: string }[]
}

/** Everything of these types: those without owner and key, and all with them. */
export const lanesOfTypes = (types: readonly string[]): Lanes => ({
  exact: [...types],
  ranges: types.map((type) => ({ from: type + OWNER, to: type + AFTER_OWNER })),
})

/** What one owner has of these types. */
export const lanesOfOwner = (types: readonly string[], ownerId: string): Lanes => ({
  exact: types.map((type) => `${type}${OWNER}${ownerId}`),
  ranges: types.map((type) => ({ from: `${type}${OWNER}${ownerId}${KEY}`, to: `${type}${OWNER}${ownerId}$` })),
})
