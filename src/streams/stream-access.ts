/** Who may: a stream is its owner's and every ADMIN's; to write to one from elsewhere takes its producer token as well. */
import { actorId, seesAll } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Database } from '../db/database.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Secrets } from '../secrets.ts'
import { ProducerStale } from './stream-errors.ts'
import { readStreamStates, type StreamState } from './stream-read.ts'

/** The stream's state, if the actor may see it. */
export async function streamSeen(database: Pick<Database, 'rows'>, actor: Work['actor'], id: string | null): Promise<StreamState | null> {
  const [state] = id ? await readStreamStates(database, [id]) : []
  return state && (seesAll(actor) || state.ownerId === actorId(actor)) ? state : null
}

/** Who writes a stream from elsewhere: on its own account, or with an attempt at a task. */
export interface Producer {
  id: string
  attempt?: number
}

/**
 * The token is not kept: it is derived again whenever it is needed, from the stream's id, and from the attempt where one writes
 * it; so that of two attempts that take up one stream each has its own.
 */
export const producerTokenOf = (secrets: Secrets, streamId: string, attempt: number | null = null): string =>
  attempt === null ? `hfp_${secrets.mac('producer-token', streamId)}` : `hfp_${attempt}.${secrets.mac('producer-token', streamId, String(attempt))}`

const TOKEN = /^hfp_(?:(\d{1,9})\.)?([\w-]+)$/

/** Refuses whoever has no token of this stream; what is not the actor's does not exist. Whether an attempt still writes it is for the statement to say. */
export async function requireProducer(database: Database, secrets: Secrets, actor: Work['actor'], id: string | null, token: string): Promise<Producer> {
  const state = await streamSeen(database, actor, id)
  if (!state) throw new NotFound('Stream', ['input', 'id'])
  const [, attempt, mac = ''] = TOKEN.exec(token) ?? []
  if (!secrets.verify('producer-token', mac, state.id, ...(attempt === undefined ? [] : [attempt]))) throw new ProducerStale()
  return { id: state.id, ...(attempt !== undefined && { attempt: Number(attempt) }) }
}

/** The streams that this producer may still write, as SQL. */
export const writtenBy = ({ id, attempt }: Producer): Prisma.Sql =>
  attempt === undefined ? Prisma.sql`"id" = ${id} AND "producer" = 'OUTSIDE'` : Prisma.sql`"id" = ${id} AND "attempt" = CAST(${attempt} AS INTEGER)`
