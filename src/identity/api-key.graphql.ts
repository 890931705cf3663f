/** API keys. */
import { z } from 'zod'
import { actorId, ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { type FilterFields, filterWhere } from '../core/filter.ts'
import { idOf, newIdOf } from '../core/ids.ts'
import { id, idempotencyKey, name, optionalDate, optionalId } from '../core/input.ts'
import { API_SCOPES, type ApiScope as ApiScopeName, apiScopes } from '../core/scopes.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, orderInput, pagesOf, readPage } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { DateTimeFilter, filterInput, StringFilter } from '../graphql/filter-inputs.ts'
import { mutation } from '../graphql/mutation.ts'
import { nodeLoader } from '../graphql/node.ts'
import { newApiKeySecret } from './api-key.ts'
import { apiKeyCreate } from './api-key-create.ts'
import { apiKeyRevoke } from './api-key-revoke.ts'
import { writeTime } from './user.graphql.ts'

export const ApiScope = builder.enumType('ApiScope', {
  description: 'What an API key may do.',
  values: Object.fromEntries(apiScopes.map((scope) => [scope, { value: scope, description: API_SCOPES[scope] }])) as {
    [S in ApiScopeName]: { value: S; description: string }
  },
})

export const ApiKeyRef = builder.prismaNode('ApiKey', {
  id: { field: 'id', description: 'The global id.' },
  description: 'A long-lived secret for a program, limited to scopes. It acts for the user who made it.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What its owner calls it.' }),
    prefix: t.exposeString('prefix', { description: 'How its secret begins, to recognise it by.' }),
    scopes: t.field({ type: [ApiScope], select: { scopes: true }, description: 'What it may do.', resolve: (key) => key.scopes as ApiScopeName[] }),
    createdAt: t.field({ type: 'DateTime', select: { createdAtMs: true }, description: 'When it was made.', resolve: (key) => toDate(key.createdAtMs) }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { expiresAtMs: true },
      description: 'When it expires; null: never.',
      resolve: (key) => toDateOrNull(key.expiresAtMs),
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { lastUsedAtMs: true },
      description: 'When it was last used, to the minute; null: never.',
      resolve: (key) => toDateOrNull(key.lastUsedAtMs),
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { revokedAtMs: true },
      description: 'When it was ended; null: was not.',
      resolve: (key) => toDateOrNull(key.revokedAtMs),
    }),
  }),
})

nodeLoader('ApiKey', 'ACCOUNT_READ', (ctx, ids, query) => ctx.db.apiKey.findMany({ ...query, where: { AND: [{ id: { in: ids } }, ownedBy(ctx.actor)] } }))

const ApiKeyFilter = filterInput('ApiKeyFilter', 'Which API keys.', {
  name: { type: StringFilter, description: 'By name, exactly as written.' },
  createdAt: { type: DateTimeFilter, description: 'By the time it was made.' },
  expiresAt: { type: DateTimeFilter, description: 'By the time of expiry; `isNull: true`: those that never expire.' },
  revokedAt: { type: DateTimeFilter, description: 'By the time of revocation; `isNull: true`: those that were not revoked.' },
})

const FILTER_FIELDS: FilterFields = {
  name: { column: 'name', required: true },
  createdAt: { column: 'createdAtMs', required: true, write: writeTime },
  expiresAt: { column: 'expiresAtMs', write: writeTime },
  revokedAt: { column: 'revokedAtMs', write: writeTime },
}

const ApiKeyOrder = orderInput('ApiKey', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was made.' },
  NAME: { column: 'name', kind: 'string', description: 'Its name.' },
})

builder.queryField('apiKeys', (t) =>
  t.connection(
    {
      type: ApiKeyRef,
      description: 'Your own API keys, newest first unless ordered otherwise, with those that were revoked.',
      ...rights('ACCOUNT_READ'),
      args: {
        filter: t.arg({ type: ApiKeyFilter, description: 'Which API keys.' }),
        orderBy: t.arg({ type: [ApiKeyOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'ApiKey',
          delegate: ctx.db.apiKey,
          where: { AND: [{ ownerId: actorId(ctx.actor) ?? '' }, filterWhere(args.filter, FILTER_FIELDS)] },
          order: ApiKeyOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...pagesOf(ApiKeyRef, 'ApiKey', 'API keys'),
  ),
)

const readApiKey = (ctx: Context, query: object, apiKeyId: string | null | undefined) =>
  apiKeyId ? ctx.db.apiKey.findUnique({ ...query, where: { id: apiKeyId } }) : null

mutation('apiKeyCreate', {
  description: 'Makes an API key for yourself. A key can make no key that may more than itself, or for longer.',
  rights: 'ACCOUNT_WRITE',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, as `ApiKey:<UUIDv7>`, so that trying again makes no second one.' }),
    name: t.string({ required: true, description: 'What you call it; at most 100 characters.' }),
    scopes: t.field({ type: [ApiScope], required: true, description: 'What it may do; at least one.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it expires. Left out: never.' }),
    idempotencyKey: t.string({ description: 'The same key and input again answer the same API key, without its secret. At most 200 characters.' }),
  }),
  validate: z.object({
    id: optionalId,
    name: name(100),
    scopes: z
      .array(z.enum(apiScopes as [ApiScopeName, ...ApiScopeName[]]))
      .min(1, 'Give at least one scope')
      .max(100, 'Are too many'),
    expiresAt: optionalDate,
    idempotencyKey,
  }),
  run: async (input, ctx) => {
    const { idempotencyKey: key, id: givenId, name, scopes, expiresAt } = input
    const secret = newApiKeySecret()
    const newKey = { id: givenId === undefined ? undefined : newIdOf('ApiKey', givenId), name, scopes, expiresAtMs: expiresAt?.getTime() ?? null, secret }
    const { result, position, replayed } = await ctx.once({ mutation: 'apiKeyCreate', key, input }, async (work) => ({
      apiKeyId: await apiKeyCreate(work, newKey),
    }))
    return { result: { apiKeyId: result.apiKeyId, secret: replayed ? null : secret }, position }
  },
  payload: (t) => ({
    apiKey: t.prismaField({
      type: 'ApiKey',
      nullable: true,
      description: 'The key that was made; null with user errors.',
      resolve: (query, payload, _args, ctx) => readApiKey(ctx, query, payload.made?.apiKeyId),
    }),
    secret: t.string({
      nullable: true,
      description: 'What to send as `Authorization: Bearer …`. Told this once; null with user errors, and where an idempotency key is used again.',
      resolve: (payload) => payload.made?.secret ?? null,
    }),
  }),
})

mutation('apiKeyRevoke', {
  description: 'Ends an API key at once and for good. One that was revoked before stays as it is.',
  rights: 'ACCOUNT_WRITE',
  input: (t) => ({ id: t.id({ required: true, description: 'The key, as `ApiKey:…`.' }) }),
  validate: z.object({ id }),
  run: (input, ctx) => ctx.transact((work) => apiKeyRevoke(work, idOf('ApiKey', input.id, ['input', 'id']))),
  payload: (t) => ({
    apiKey: t.prismaField({
      type: 'ApiKey',
      nullable: true,
      description: 'The key; null with user errors.',
      resolve: (query, payload, _args, ctx) => readApiKey(ctx, query, payload.made),
    }),
  }),
})
