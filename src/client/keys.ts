/** From a key of one's own choosing to the id of its task, and back. */
import { v5, v7 } from 'uuid'

/** Any of ours will do; it must only stay the same. */
const NAMESPACE = '6f1d6a52-64c1-4b0e-9f0e-6a7a35a7c0d1'
const MAX_KEY_LENGTH = 200
const TASK_ID = /^Task:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export const isTaskId = (key: string): boolean => TASK_ID.test(key)

/**
 * Always the same for the same key of the same owner in the same map, and another for every other: so a key has one task, however many
 * programs set it at once, and nobody needs to look up which. A hash in the form of the UUIDv7 that ids have.
 */
export function taskIdOf(ownerId: string, map: string, key: string): string {
  const hash = v5(JSON.stringify([ownerId, map, key]), NAMESPACE)
  return `Task:${hash.slice(0, 14)}7${hash.slice(15)}`
}

/** A key is kept as the task's `sessionKey`, with what that allows. */
export function checkedKey(key: string): string {
  if (typeof key !== 'string') throw new TypeError(`A key is a string; ${typeof key} is none. Write String(key).`)
  if (key.length > MAX_KEY_LENGTH) throw new RangeError(`A key has at most ${MAX_KEY_LENGTH} characters; this one has ${key.length}.`)
  if (!key.trim()) throw new RangeError('A key must not be blank.')
  if (key.includes('\0') || /\p{Surrogate}/u.test(key)) throw new RangeError('A key must be valid Unicode, without null characters.')
  return key
}

/** With it a call that is sent again, because its answer was lost, is done once. */
export const onceKey = (): string => v7()
