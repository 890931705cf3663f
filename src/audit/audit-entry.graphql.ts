/** The type AuditEntry, and the way to it from what it tells of. */
import { toDate } from '../core/clock.ts'
import { toGlobalId } from '../core/ids.ts'
import type { TrailKind } from '../core/trailed-call.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { loadNodes, nodeLoader, nodeOf } from '../graphql/node.ts'
import { siblings } from '../graphql/siblings.ts'
import { UserRef } from '../identity/user.graphql.ts'
import { entriesSeenBy } from './audit-access.ts'
import { chainRead } from './chain.ts'
import type { OriginRow } from './chain-check.ts'
import './audit-invariants.ts'
import '../usage/usage.graphql.ts'

export const AuditKindEnum = builder.enumType('AuditKind', {
  description: 'What kind of call an entry tells of.',
  values: {
    MUTATION: { description: 'A mutation: one entry for each transaction in which it changed something, or one where it changed nothing.' },
    QUERY: { description: 'A query that was refused by right.' },
    SUBSCRIPTION: { description: 'A subscription that was refused by right.' },
    REQUEST: { description: 'A request that was refused before it was read; or an export of the trail.' },
    PROVIDER_CALL: { description: 'A call of a model provider that ended.' },
    TOOL_CALL: { description: 'A tool that a model called in its answer.' },
    REFUSALS_DROPPED: { description: 'More refusals than are kept of one user, network, or of all strangers: `count` of them are only counted.' },
  } satisfies Record<TrailKind, { description: string }>,
})

const originOf = (ctx: Context, digest: string | null): Promise<OriginRow | null> | null =>
  digest === null
    ? null
    : ctx
        .loader('AuditEntry.origin', () =>
          siblings<OriginRow | null>(async (digests) => {
            const rows = await ctx.app.store.database.rows<OriginRow>(Prisma.sql`SELECT * FROM "AuditOrigin" WHERE "digest" IN (${Prisma.join([...digests])})`)
            const found = new Map(rows.map((row) => [row.digest, row]))
            return digests.map((each) => found.get(each) ?? null)
          }),
        )
        .load(digest)

const sealedThrough = (ctx: Context): Promise<number> =>
  ctx.loader('AuditEntry.sealedThrough', () => chainRead(ctx.app.store.database).then(({ chain }) => chain?.sealedThrough ?? 0))

export const AuditEntryRef = builder.prismaNode('AuditEntry', {
  description: 'What somebody did, or was refused. It is never changed. What a call was given is not kept.',
  id: { field: 'id', description: 'The global id, `AuditEntry:<uuid>`.' },
  select: { id: true, userId: true },
  fields: (t) => ({
    position: t.field({
      type: 'SafeInt',
      select: { position: true },
      description: 'Its place in the trail: 1, 2, 3 … in the order of the commits, without a hole.',
      resolve: (entry) => Number(entry.position),
    }),
    occurredAt: t.field({
      type: 'DateTime',
      select: { occurredAtMs: true },
      description: 'When it was committed, by the database’s clock.',
      resolve: (entry) => toDate(entry.occurredAtMs),
    }),
    kind: t.field({ type: AuditKindEnum, select: { kind: true }, description: 'What kind of call it tells of.', resolve: (entry) => entry.kind as TrailKind }),
    operation: t.exposeString('operation', {
      description: 'What was called: the root field, `provider/model`, the tool, or the door, as `GET /audit/export`.',
    }),
    operationName: t.exposeString('operationName', { nullable: true, description: 'What the client calls the operation.' }),
    user: t.field({
      type: UserRef,
      nullable: true,
      select: { userId: true },
      description: 'Who called; null where nobody was logged in, or you may not see them.',
      resolve: async (entry, _args, ctx, info) => nodeOf(ctx, info, 'User', entry.userId),
    }),
    userId: t.id({
      nullable: true,
      select: { userId: true },
      description: 'The id of who called.',
      resolve: ({ userId }) => userId && toGlobalId('User', userId),
    }),
    sessionId: t.id({
      nullable: true,
      select: { sessionId: true },
      description: 'The session it came through.',
      resolve: ({ sessionId }) => sessionId && toGlobalId('Session', sessionId),
    }),
    apiKeyId: t.id({
      nullable: true,
      select: { apiKeyId: true },
      description: 'The API key it came through.',
      resolve: ({ apiKeyId }) => apiKeyId && toGlobalId('ApiKey', apiKeyId),
    }),
    subjectId: t.id({
      nullable: true,
      select: { subjectType: true, subjectId: true },
      description: 'The id of what it was about: what the call named, or else the first thing that it changed.',
      resolve: ({ subjectType, subjectId }) => (subjectType && subjectId ? toGlobalId(subjectType, subjectId) : null),
    }),
    subject: t.field({
      type: builder.nodeInterfaceRef() as never,
      nullable: true,
      select: { subjectType: true, subjectId: true },
      description: 'What it was about, as it is now; null once it is deleted, or where you may not see it.',
      resolve: async ({ subjectType, subjectId }, _args, ctx, info) =>
        (subjectType && subjectId ? ((await loadNodes(ctx, info, [toGlobalId(subjectType, subjectId)], ['subject']))[0] ?? null) : null) as never,
    }),
    succeeded: t.boolean({ select: { code: true }, description: 'Whether it did what it was asked for.', resolve: ({ code }) => code === null }),
    code: t.exposeString('code', { nullable: true, description: 'Why not, as `FORBIDDEN`; null where it succeeded.' }),
    durationMs: t.exposeInt('durationMs', {
      nullable: true,
      description: 'How long it took, in milliseconds: up to the commit, where it changed something.',
    }),
    requestId: t.exposeString('requestId', { nullable: true, description: 'The request’s id, as in `x-request-id` and in the server’s log.' }),
    count: t.exposeInt('count', { nullable: true, description: 'Of REFUSALS_DROPPED: how many.' }),
    address: t.field({
      type: 'String',
      nullable: true,
      select: { originDigest: true },
      description: 'The address it came from, as far as the operator trusts proxies; null once personal data is removed.',
      resolve: async ({ originDigest }, _args, ctx) => (await originOf(ctx, originDigest))?.address ?? null,
    }),
    userAgent: t.field({
      type: 'String',
      nullable: true,
      select: { originDigest: true },
      description: 'What the client called itself; null once personal data is removed.',
      resolve: async ({ originDigest }, _args, ctx) => (await originOf(ctx, originDigest))?.userAgent ?? null,
    }),
    email: t.field({
      type: 'String',
      nullable: true,
      select: { originDigest: true },
      description: 'Of a login that failed: the email address that was tried; null once personal data is removed.',
      resolve: async ({ originDigest }, _args, ctx) => (await originOf(ctx, originDigest))?.email ?? null,
    }),
    isPersonalDataRemoved: t.boolean({
      select: { originDigest: true },
      description: 'Whether address, client and email were kept once, and have been removed.',
      resolve: async ({ originDigest }, _args, ctx) => originDigest !== null && (await originOf(ctx, originDigest)) === null,
    }),
    isSealed: t.boolean({
      select: { position: true },
      description: 'Whether the chain holds it: some seconds after it was written.',
      resolve: async ({ position }, _args, ctx) => Number(position) <= (await sealedThrough(ctx)),
    }),
  }),
})

export const AuditEntryPages = pagesOf(AuditEntryRef, 'AuditEntry', 'entries of the trail')

nodeLoader('AuditEntry', 'AUDIT_READ', (ctx, ids, query) =>
  ctx.db.auditEntry.findMany({ ...query, where: { AND: [{ id: { in: ids } }, entriesSeenBy(ctx.actor)] } }),
)

builder.prismaObjectField('ProviderUsage', 'auditEntry', (t) =>
  t.field({
    type: AuditEntryRef,
    nullable: true,
    select: { id: true },
    description: 'What the trail tells of the call; null while it runs, once retention removed it, and where no trail is kept.',
    resolve: async (usage, _args, ctx, info) => nodeOf(ctx, info, 'AuditEntry', await entryOfCall(ctx, usage.id)),
  }),
)

const entryOfCall = (ctx: Context, usageId: string): Promise<string | null> =>
  ctx
    .loader('ProviderUsage.auditEntry', () =>
      siblings<string | null>(async (ids) => {
        const rows = await ctx.app.store.database.rows<{ id: string; subjectId: string }>(
          Prisma.sql`SELECT "id", "subjectId" FROM "AuditEntry" WHERE "subjectId" IN (${Prisma.join([...ids])}) AND "kind" = 'PROVIDER_CALL'`,
        )
        const found = new Map(rows.map(({ id, subjectId }) => [subjectId, id]))
        return ids.map((id) => found.get(id) ?? null)
      }),
    )
    .load(usageId)
