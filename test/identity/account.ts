/** What the tests of accounts ask again and again. */
import type { TestUser, World } from '../kit/world.ts'

const ERRORS = 'userErrors { __typename code message path ... on RateLimitedError { retryAfterMs } }'
const TOKENS = 'tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }'
const USER = 'user { id email displayName role preferences disabledAt }'

export const LOGIN = `mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) {
  session { id userAgent address createdAt lastUsedAt expiresAt revokedAt current } ${USER} ${TOKENS} eventCursor ${ERRORS} } }`
export const REFRESH = `mutation ($input: SessionRefreshInput!) { sessionRefresh(input: $input) { session { id } ${USER} ${TOKENS} ${ERRORS} } }`
export const REVOKE = `mutation ($input: SessionRevokeInput!) { sessionRevoke(input: $input) { session { id revokedAt } ${ERRORS} } }`
export const REVOKE_ALL = `mutation ($input: SessionRevokeAllInput!) { sessionRevokeAll(input: $input) { revokedCount ${ERRORS} } }`
export const UPDATE = `mutation ($input: UserUpdateInput!) { userUpdate(input: $input) { ${USER} ${ERRORS} } }`
export const PASSWORD = `mutation ($input: UserPasswordChangeInput!) { userPasswordChange(input: $input) { ${USER} ${ERRORS} } }`
export const ROLE = `mutation ($input: UserSetRoleInput!) { userSetRole(input: $input) { ${USER} ${ERRORS} } }`
export const DISABLE = `mutation ($input: UserDisableInput!) { userDisable(input: $input) { ${USER} ${ERRORS} } }`
export const KEY_CREATE = `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) {
  apiKey { id name prefix scopes createdAt expiresAt lastUsedAt revokedAt } secret ${ERRORS} } }`
export const KEY_REVOKE = `mutation ($input: ApiKeyRevokeInput!) { apiKeyRevoke(input: $input) { apiKey { id revokedAt } ${ERRORS} } }`
export const VIEWER = '{ viewer { id email role } }'

/** The id without its type. */
export const bare = (globalId: string): string => globalId.slice(globalId.indexOf(':') + 1)

export const codesOf = (payload: { userErrors: { code: string }[] }): string[] => payload.userErrors.map((error) => error.code)

/** The payload of a mutation, refused or not. */
// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
export async function payloadOf(world: World, query: string, input: object, token?: string | TestUser | null): Promise<any> {
  const { data, errors } = await world.ask(query, { input }, token)
  if (errors) throw new Error(`${errors[0]!.extensions.code}: ${errors[0]!.message}`)
  return Object.values(data)[0]
}

export const login = (world: World, { email, password }: { email: string; password: string }) => payloadOf(world, LOGIN, { email, password })

/** A key's secret. */
export async function apiKey(world: World, owner: TestUser, scopes: string[], more: object = {}): Promise<string> {
  return (await payloadOf(world, KEY_CREATE, { name: 'key', scopes, ...more }, owner)).secret
}

/** The code of the top-level error that a token meets; null: it is welcome. */
export async function refusalOf(world: World, token: string | TestUser, query = VIEWER): Promise<string | null> {
  const { errors } = await world.ask(query, {}, token)
  return errors?.[0]?.extensions.code ?? null
}

/** Kinds of the events about one thing, in the order of the log. */
export async function kindsOf(world: World, globalId: string): Promise<string[]> {
  const events = await world.client.event.findMany({ where: { subjectId: bare(globalId) }, orderBy: { position: 'asc' } })
  return events.map((event) => event.kind)
}
