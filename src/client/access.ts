/**
 * Who is asking: an API key, or a session whose access token is exchanged for a new one whenever the server no longer takes
 * it. Not before: only the server's clock says when that is. What it refused so had no effect, and is asked again.
 */
import { accepted, type Fault, Unauthenticated } from './errors.ts'
import { type AuthTokens, AuthTokens_FIELDS } from './schema.ts'

/** What a client is given to come in with. */
export interface AccessOptions {
  /** A key made by `apiKeyCreate`, `hf_…`. */
  apiKey?: string
  /** To log in with, at the first request and again whenever the session has ended. */
  login?: { email: string; password: string }
  /** Those of a session that is there already, as kept from `onTokens`. */
  tokens?: AuthTokens
  /** Is told all new tokens, so that a page can keep them; null after `logout`. */
  onTokens?: (tokens: AuthTokens | null) => void
}

type Send = <Data>(query: string, variables: object) => Promise<Data>
type Opened = { tokens: AuthTokens | null; userErrors: readonly Fault[] }

const PAYLOAD = `{ tokens { ${AuthTokens_FIELDS} } userErrors { code message path } }`

export class Access {
  #tokens: AuthTokens | null
  /** Of many who need new tokens at once one asks for them, for a token counts once. */
  #renewal: Promise<AuthTokens> | null = null

  constructor(
    readonly options: AccessOptions,
    /** Asks without authorization. */
    readonly send: Send,
  ) {
    this.#tokens = options.tokens ?? null
  }

  /** The header to send now; null for a stranger. */
  async authorization(): Promise<string | null> {
    if (this.options.apiKey) return `Bearer ${this.options.apiKey}`
    if (!this.#tokens && this.options.login) await this.#once(() => this.login())
    return this.#tokens && `Bearer ${this.#tokens.accessToken}`
  }

  /** Whether it is worth asking again, after `refused` was not taken: with other tokens. */
  async renew(refused: string | null): Promise<boolean> {
    if (this.options.apiKey || refused === null) return false
    if (this.#renewal) await this.#renewal
    else if (this.#tokens && `Bearer ${this.#tokens.accessToken}` === refused) await this.#once(() => this.#refresh(this.#tokens!.refreshToken))
    return this.#tokens !== null
  }

  async login(login = this.options.login): Promise<AuthTokens> {
    if (!login) throw new Unauthenticated([{ message: 'There is nobody to log in.', code: 'UNAUTHENTICATED' }])
    const answer = await this.send<{ sessionCreate: Opened }>(`mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) ${PAYLOAD} }`, {
      input: login,
    })
    return this.#keep(accepted(answer.sessionCreate).tokens!)
  }

  async register(input: { email: string; password: string; displayName: string }): Promise<AuthTokens> {
    const answer = await this.send<{ userRegister: Opened }>(`mutation ($input: UserRegisterInput!) { userRegister(input: $input) ${PAYLOAD} }`, { input })
    return this.#keep(accepted(answer.userRegister).tokens!)
  }

  forget(): void {
    this.#tokens = null
    this.options.onTokens?.(null)
  }

  async #refresh(refreshToken: string): Promise<AuthTokens> {
    try {
      const answer = await this.send<{ sessionRefresh: Opened }>(`mutation ($input: SessionRefreshInput!) { sessionRefresh(input: $input) ${PAYLOAD} }`, {
        input: { refreshToken },
      })
      return this.#keep(accepted(answer.sessionRefresh).tokens!)
    } catch (error) {
      if (!(error instanceof Unauthenticated)) throw error
      this.forget()
      if (this.options.login) return this.login()
      throw error
    }
  }

  #once(renewal: () => Promise<AuthTokens>): Promise<AuthTokens> {
    this.#renewal ??= renewal().finally(() => {
      this.#renewal = null
    })
    return this.#renewal
  }

  #keep(tokens: AuthTokens): AuthTokens {
    this.#tokens = tokens
    this.options.onTokens?.(tokens)
    return tokens
  }
}
