/** Responses of a door that go on for long: no user has very many, and each ends with its reader's right, or with the server. */
import type { ServerResponse } from 'node:http'
import type { KnownActor } from '../core/actor.ts'
import { RateLimited, Unauthenticated } from '../core/errors.ts'
import { clientLeft, finished } from '../graphql/subscribe.ts'
import { watchActor } from '../identity/actor-watch.ts'
import type { Performer } from './perform.ts'

const SOON_MS = 5000

export class OpenResponses {
  /** How many, by user; of this server. */
  readonly #open = new Map<string, number>()

  constructor(
    readonly performer: Performer,
    readonly most: number,
    /** What the user is told of them, as `streams may be open`. */
    readonly what: string,
  ) {}

  /** Counts a response until it is closed. Answers the signal that tells when it is to end, and why. */
  begin(res: ServerResponse, actor: KnownActor): AbortSignal {
    const count = this.#open.get(actor.userId) ?? 0
    if (count >= this.most) throw new RateLimited(SOON_MS, `At most ${this.most} ${this.what} at once.`)
    const ending = new AbortController()
    const letGo = this.performer.hold(ending)
    this.#open.set(actor.userId, count + 1)
    const unwatch = watchActor(this.performer.app.store, actor, (reason) => ending.abort(new Unauthenticated(reason)))
    res.once('close', () => {
      unwatch()
      letGo()
      const left = this.#open.get(actor.userId)! - 1
      if (left) this.#open.set(actor.userId, left)
      else this.#open.delete(actor.userId)
      ending.abort(res.writableFinished ? finished : clientLeft)
    })
    return ending.signal
  }
}
