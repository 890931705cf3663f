/** Users: the type, and how they are read. */
import { hasScope, isKnown, requireScope } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import type { FilterFields } from '../core/filter.ts'
import { filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, orderInput, pagesOf, readPage } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { comparators, DateTimeFilter, filterInput, StringFilter } from '../graphql/filter-inputs.ts'
import { nodeLoader } from '../graphql/node.ts'
import { visibleUsers } from './identity-access.ts'

export const UserRole = builder.enumType('UserRole', {
  description: 'What a user may do.',
  values: {
    USER: { description: 'Sees and changes what they own.' },
    ADMIN: { description: 'Sees and changes everything, and manages users.' },
  } as const,
})

/** A key that was not given the account's scopes learns no more of its user than who it is. */
const notToEveryKey = (_user: unknown, _args: unknown, ctx: Context): boolean => ctx.actor.kind !== 'apiKey' || hasScope(ctx.actor, 'ACCOUNT_READ')

export const UserRef = builder.prismaNode('User', {
  id: { field: 'id', description: 'The global id.' },
  description: 'A person or program that owns things here.',
  fields: (t) => ({
    email: t.exposeString('email', { description: 'The address to log in with, in lower case.', authScopes: notToEveryKey }),
    displayName: t.exposeString('displayName', { description: 'How the user wants to be called.' }),
    role: t.expose('role', { type: UserRole, description: 'What the user may do.' }),
    preferences: t.expose('preferences', {
      type: 'JSON',
      description: 'An object with whatever the user’s own clients keep for them.',
      authScopes: notToEveryKey,
    }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When the user registered.',
      resolve: (user) => toDate(user.createdAtMs),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When the profile, the role or the ban last changed.',
      resolve: (user) => toDate(user.updatedAtMs),
    }),
    disabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { disabledAtMs: true },
      description: 'Since when the user is shut out; null: is not.',
      resolve: (user) => toDateOrNull(user.disabledAtMs),
    }),
  }),
})

nodeLoader('User', 'ACCOUNT_READ', (ctx, ids, query) => ctx.db.user.findMany({ ...query, where: { AND: [{ id: { in: ids } }, visibleUsers(ctx.actor)] } }))

const UserRoleFilter = comparators('UserRole', UserRole, 'role')

const UserFilter = filterInput('UserFilter', 'Which users.', {
  email: { type: StringFilter, description: 'By email address.' },
  displayName: { type: StringFilter, description: 'By display name, exactly as written.' },
  role: { type: UserRoleFilter, description: 'By role.' },
  createdAt: { type: DateTimeFilter, description: 'By the time of registration.' },
  disabledAt: { type: DateTimeFilter, description: 'By the time of the ban; `isNull: true`: those who are not shut out.' },
})

export const writeTime = (time: unknown): bigint => BigInt((time as Date).getTime())

const FILTER_FIELDS: FilterFields = {
  email: { column: 'email', required: true, write: (email) => String(email).toLowerCase() },
  displayName: { column: 'displayName', required: true },
  role: { column: 'role', required: true },
  createdAt: { column: 'createdAtMs', required: true, write: writeTime },
  disabledAt: { column: 'disabledAtMs', write: writeTime },
}

const UserOrder = orderInput('User', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When the user registered.' },
  EMAIL: { column: 'email', kind: 'string', description: 'The email address.' },
  DISPLAY_NAME: { column: 'displayName', kind: 'string', description: 'The display name.' },
})

builder.queryFields((t) => ({
  viewer: t.prismaField({
    type: 'User',
    nullable: true,
    description: 'The user this request comes from; null without an access token or API key.',
    ...rights('PUBLIC'),
    resolve: async (query, _root, _args, ctx) => {
      if (!isKnown(ctx.actor)) return null
      requireScope(ctx.actor, 'ACCOUNT_READ')
      return ctx.db.user.findUnique({ ...query, where: { id: ctx.actor.userId } })
    },
  }),
  user: t.prismaField({
    type: 'User',
    nullable: true,
    description: 'A user by id: yourself, or for ADMINs anyone; else null.',
    ...rights('ACCOUNT_READ'),
    args: { id: t.arg.id({ required: true, description: 'The id, as `User:…`.' }) },
    resolve: async (query, _root, args, ctx) => {
      const id = idOf('User', args.id, ['id'])
      return id === null ? null : ctx.db.user.findFirst({ ...query, where: { AND: [{ id }, visibleUsers(ctx.actor)] } })
    },
  }),
  users: t.connection(
    {
      type: UserRef,
      description: 'All users, newest first unless ordered otherwise. For ADMINs.',
      ...rights('ADMIN+ACCOUNT_READ'),
      args: {
        filter: t.arg({ type: UserFilter, description: 'Which users.' }),
        orderBy: t.arg({ type: [UserOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'User',
          delegate: ctx.db.user,
          where: { AND: [filterWhere(args.filter, FILTER_FIELDS), visibleUsers(ctx.actor)] },
          order: UserOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...pagesOf(UserRef, 'User', 'users'),
  ),
}))

/** The user a payload is about, read with what was asked for. */
export const readUser = (ctx: Context, query: object, userId: string | null | undefined) =>
  userId ? ctx.db.user.findUnique({ ...query, where: { id: userId } }) : null
