/** Who may: a stream is its owner's and every ADMIN's; to write to one from elsewhere takes its producer token as well. */
import { actorId, seesAll } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Database } from '../db/database.ts'
import type { Work } from '../events/work.ts'
import type { Secrets } from '../secrets.ts'
import { ProducerStale } from './stream-errors.ts'
import { readStreamStates, type StreamState } from './stream-read.ts'

/** The stream's state, if the actor may see it. */
export async function streamSeen(database: Database, actor: Work['actor'], id: string | null): Promise<StreamState | null> {
  const [state] = id ? await readStreamStates(database, [id]) : []
  return state && (seesAll(actor) || state.ownerId === actorId(actor)) ? state : null
}

/** The token is not kept: it is derived again from the stream's id whenever it is needed. */
export const producerTokenOf = (secrets: Secrets, streamId: string): string => `hfp_${secrets.mac('producer-token', streamId)}`

/** Refuses whoever is not this stream's producer; what is not the actor's does not exist. */
export async function requireProducer(database: Database, secrets: Secrets, actor: Work['actor'], id: string | null, token: string): Promise<StreamState> {
  const state = await streamSeen(database, actor, id)
  if (!state) throw new NotFound('Stream', ['input', 'id'])
  if (!token.startsWith('hfp_') || !secrets.verify('producer-token', token.slice(4), state.id)) throw new ProducerStale()
  return state
}
