/** Ids are UUIDv7 (RFC 9562), so that they sort by the time they were made; outside they carry their type: `Task:0198c2…`. */
import { v7 } from 'uuid'
import { BadUserInput } from './errors.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const GLOBAL = /^([A-Z][A-Za-z]{0,63}):(.{1,128})$/s

export const newId = (): string => v7()

export const toGlobalId = (type: string, id: string): string => `${type}:${id}`

/** Splits a global id; anything that cannot be one is `BAD_USER_INPUT`. */
export function fromGlobalId(globalId: string, path: string[] | null = null): { type: string; id: string } {
  const [, type, id] = GLOBAL.exec(globalId) ?? []
  if (!type || !id || !UUID_V7.test(id)) throw new BadUserInput('This is not an id of this server.', path)
  return { type, id }
}

/** The inner id of a global id that must be of one type; null where it is of another, for nothing of this type has it. */
export function idOf(type: string, globalId: string, path: string[] | null = null): string | null {
  const parsed = fromGlobalId(globalId, path)
  return parsed.type === type ? parsed.id : null
}

/** The inner id of an id a client made for a new `type`; it must be `type:<uuidv7>` exactly. */
export function newIdOf(type: string, globalId: string, path: string[] = ['input', 'id']): string {
  const id = idOf(type, globalId, path)
  if (!id) throw new BadUserInput(`A new ${type}'s id reads ${type}:<UUIDv7>.`, path)
  return id
}
