/** Sessions: the type, the tokens, and how they are read. */
import { actorId } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { type FilterFields, filterWhere } from '../core/filter.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, orderInput, pagesOf, readPage } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { DateTimeFilter, filterInput } from '../graphql/filter-inputs.ts'
import { nodeLoader } from '../graphql/node.ts'
import { ownSessionId, visibleSessions } from './identity-access.ts'
import type { AuthTokens } from './tokens.ts'
import { writeTime } from './user.graphql.ts'

export const SessionRef = builder.prismaNode('Session', {
  id: { field: 'id', description: 'The global id.' },
  description: 'One login of one user on one device. It lives as long as it is refreshed in time, and ends at once when it is revoked.',
  fields: (t) => ({
    userAgent: t.exposeString('userAgent', { nullable: true, description: 'What the client called itself when it logged in; at most 400 characters.' }),
    address: t.exposeString('address', { nullable: true, description: 'The network address it logged in from.' }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was opened.',
      resolve: (session) => toDate(session.createdAtMs),
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      select: { lastUsedAtMs: true },
      description: 'When it was opened or last refreshed.',
      resolve: (session) => toDate(session.lastUsedAtMs),
    }),
    expiresAt: t.field({
      type: 'DateTime',
      select: { expiresAtMs: true },
      description: 'When it ends unless it is refreshed before.',
      resolve: (session) => toDate(session.expiresAtMs),
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { revokedAtMs: true },
      description: 'When it was ended; null: was not.',
      resolve: (session) => toDateOrNull(session.revokedAtMs),
    }),
    current: t.boolean({
      select: { id: true },
      description: 'Whether this request came with it.',
      resolve: (session, _args, ctx) => session.id === ownSessionId(ctx.actor),
    }),
  }),
})

nodeLoader('Session', 'ACCOUNT_READ', (ctx, ids, query) =>
  ctx.db.session.findMany({ ...query, where: { AND: [{ id: { in: ids } }, visibleSessions(ctx.actor)] } }),
)

export const AuthTokensRef = builder.objectRef<AuthTokens>('AuthTokens').implement({
  description: 'What a session is used with. Told once: keep them.',
  fields: (t) => ({
    accessToken: t.exposeString('accessToken', { description: 'For `Authorization: Bearer …`, until it expires or the session ends.' }),
    accessTokenExpiresAt: t.field({
      type: 'DateTime',
      description: 'When the access token expires.',
      resolve: (tokens) => toDate(tokens.accessTokenExpiresAtMs),
    }),
    refreshToken: t.exposeString('refreshToken', { description: 'For `sessionRefresh`, once. Using it again later ends the session.' }),
    refreshTokenExpiresAt: t.field({
      type: 'DateTime',
      description: 'When the refresh token expires, and with it the session.',
      resolve: (tokens) => toDate(tokens.refreshTokenExpiresAtMs),
    }),
  }),
})

const SessionFilter = filterInput('SessionFilter', 'Which sessions.', {
  createdAt: { type: DateTimeFilter, description: 'By the time of the login.' },
  lastUsedAt: { type: DateTimeFilter, description: 'By the time of the last refresh.' },
  expiresAt: { type: DateTimeFilter, description: 'By the time of expiry.' },
  revokedAt: { type: DateTimeFilter, description: 'By the time of revocation; `isNull: true`: those that were not revoked.' },
})

const FILTER_FIELDS: FilterFields = {
  createdAt: { column: 'createdAtMs', required: true, write: writeTime },
  lastUsedAt: { column: 'lastUsedAtMs', required: true, write: writeTime },
  expiresAt: { column: 'expiresAtMs', required: true, write: writeTime },
  revokedAt: { column: 'revokedAtMs', write: writeTime },
}

const SessionOrder = orderInput('Session', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was opened.' },
  LAST_USED_AT: { column: 'lastUsedAtMs', kind: 'bigint', description: 'When it was last refreshed.' },
  EXPIRES_AT: { column: 'expiresAtMs', kind: 'bigint', description: 'When it expires.' },
})

builder.queryField('sessions', (t) =>
  t.connection(
    {
      type: SessionRef,
      description: 'Your own sessions, newest first unless ordered otherwise; those that are over are kept for a while.',
      ...rights('ACCOUNT_READ'),
      args: {
        filter: t.arg({ type: SessionFilter, description: 'Which sessions.' }),
        orderBy: t.arg({ type: [SessionOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'Session',
          delegate: ctx.db.session,
          where: { AND: [{ userId: actorId(ctx.actor) ?? '' }, filterWhere(args.filter, FILTER_FIELDS)] },
          order: SessionOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...pagesOf(SessionRef, 'Session', 'sessions'),
  ),
)

/** The session a payload is about, read with what was asked for. */
export const readSession = (ctx: Context, query: object, sessionId: string | null | undefined) =>
  sessionId ? ctx.db.session.findUnique({ ...query, where: { id: sessionId } }) : null
