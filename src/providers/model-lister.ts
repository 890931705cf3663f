import { server } from '../core/actor.ts'
import { coalesced } from '../core/coalesced.ts'
import { DomainError } from '../core/errors.ts'
import type { Store } from '../events/store.ts'
import { PROVIDERS_TOPIC } from './model-provider.ts'
import { modelProviderSync, modelProvidersDue } from './model-provider-sync.ts'
import type { ProviderLog } from './provider.ts'
import type { OpenProviders } from './providers.ts'

const LOOK_EVERY_MS = 15_000

/** Lists the models of providers when their time has come, for as long as a server runs. Every server has one; one of them does it. */
export class ModelLister {
  #timer: NodeJS.Timeout | undefined
  #off: (() => void) | undefined
  readonly #stopping = new AbortController()

  constructor(
    readonly store: Store,
    readonly providers: OpenProviders,
    readonly log: ProviderLog,
  ) {}

  start(): void {
    this.#off = this.store.signals.on(PROVIDERS_TOPIC, () => void this.look())
    void this.look()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#off?.()
    clearTimeout(this.#timer)
    await this.look()
  }

  /** Lists what is due, and comes back. */
  readonly look = coalesced(async () => {
    if (this.#stopping.signal.aborted) return
    clearTimeout(this.#timer)
    await this.#list().catch((error) => this.#stopping.signal.aborted || this.log.warn({ err: error }, 'Models could not be listed; it is tried again.'))
    if (!this.#stopping.signal.aborted) this.#timer = setTimeout(() => void this.look(), LOOK_EVERY_MS).unref()
  })

  /** Those of the environment only where this server has them in its own. */
  async #list(): Promise<void> {
    const isHere = (name: string) => this.providers.environment.some((own) => own.name === name && own.unavailableBecause === null)
    const due = await modelProvidersDue(this.store, (name, source) => source === 'API' || isHere(name))
    await Promise.all(
      due.map((id) =>
        modelProviderSync(this.store, this.providers, server, id, this.#stopping.signal).catch((error) => {
          // Deleted or changed meanwhile: there is nothing to be told.
          if (!(error instanceof DomainError)) throw error
        }),
      ),
    )
  }
}
