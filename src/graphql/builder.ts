/** The schema builder. It imports no room; the rooms import it. */
import SchemaBuilder from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import { hasScope, isKnown, seesAll } from '../core/actor.ts'
import { Forbidden, Unauthenticated } from '../core/errors.ts'
import { fromGlobalId, toGlobalId } from '../core/ids.ts'
import type { ApiScope } from '../core/scopes.ts'
import type PrismaTypes from '../generated/pothos-types.ts'
import { getDatamodel } from '../generated/pothos-types.ts'
import type { Context } from './context.ts'

export interface SchemaTypes {
  PrismaTypes: PrismaTypes
  Context: Context
  DefaultFieldNullability: false
  DefaultEdgesNullability: false
  DefaultNodeNullability: false
  AuthScopes: { scope: ApiScope; user: boolean; admin: boolean }
  Connection: { totalCount: () => Promise<number> }
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: unknown; Output: unknown }
    SafeInt: { Input: number; Output: number }
    Cursor: { Input: string; Output: string }
  }
}

export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ScopeAuthPlugin, RelayPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  relay: {
    encodeGlobalID: (type, id) => toGlobalId(type, String(id)),
    decodeGlobalID: (globalId) => {
      const { type, id } = fromGlobalId(globalId)
      return { typename: type, id }
    },
    cursorType: 'String',
    clientMutationId: 'omit',
    nodesOnConnection: true,
    edgesFieldOptions: { nullable: false },
    nodeFieldOptions: { nullable: false },
    nodeQueryOptions: false,
    nodesQueryOptions: false,
  },
  prisma: {
    client: (ctx) => ctx.db,
    dmmf: getDatamodel(),
    exposeDescriptions: true,
    filterConnectionTotalCount: true,
  },
  scopeAuth: {
    authScopes: (ctx) => ({
      scope: (scope) => hasScope(ctx.actor, scope),
      user: isKnown(ctx.actor),
      admin: seesAll(ctx.actor),
    }),
    authorizeOnSubscribe: true,
    unauthorizedError: (_parent, ctx) => (isKnown(ctx.actor) ? new Forbidden() : new Unauthenticated()),
  },
})

/** Who may use a root field. PUBLIC: everybody; USER: whoever is logged in; ADMIN; or a key's scope, which a session has too. */
export type Rights = 'PUBLIC' | 'USER' | 'ADMIN' | ApiScope | `ADMIN+${ApiScope}`

/** To be spread into the options of a field that weighs more than `limits.ts` takes it for: long values, whole tables. */
export const weighs = (cost: number) => ({ extensions: { cost } })

/** To be spread into the options of a payload's list that has a row for each entry of the input's list of this name. */
export const rowsOf = (list: string) => ({ extensions: { rowsOf: list } })

/** What a long value weighs: two of them in each row of a page of 100 just fit, and may be some 40 MB. */
export const LONG_VALUE = 45

/** To be spread into every root field's options: the rule and its declaration, which a test looks for; and its weight, as `weighs`. */
export function rights(needed: Rights, cost?: number) {
  const extensions = { rights: needed, ...(cost !== undefined && { cost }) }
  if (needed === 'PUBLIC') return { extensions }
  if (needed === 'USER') return { extensions, authScopes: { user: true } }
  if (needed === 'ADMIN') return { extensions, authScopes: { admin: true } }
  if (needed.startsWith('ADMIN+')) return { extensions, authScopes: { $all: { admin: true, scope: needed.slice(6) as ApiScope } } }
  return { extensions, authScopes: { scope: needed as ApiScope } }
}

builder.queryType({ description: 'What can be read. Everything is seen by its owner, and by ADMINs.' })
builder.mutationType({ description: 'What can be changed. A payload with `userErrors` has changed nothing.' })
builder.subscriptionType({ description: 'What can be followed: present state first, then every change, none missing, none twice.' })

builder.globalConnectionField('totalCount', (t) =>
  t.int({
    description: 'How many there are in all, on every page. Counted only when asked for.',
    resolve: (parent) => (parent as unknown as { totalCount: () => Promise<number> }).totalCount(),
  }),
)
