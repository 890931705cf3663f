/** Reading the trail, checking it, and following it. */

import { BadUserInput } from '../core/errors.ts'
import { filterCheck, filterMatches, filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { live } from '../events/live.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder, rights } from '../graphql/builder.ts'
import { readPage } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { filterOwn } from '../graphql/filter-own.ts'
import { entriesSeenBy } from './audit-access.ts'
import { AuditEntryPages, AuditEntryRef } from './audit-entry.graphql.ts'
import type { EntryRow } from './audit-entry.ts'
import { auditFollow, followStart } from './audit-follow.ts'
import { AUDIT_FILTER_FIELDS, AuditEntryFilter, AuditEntryOrder, LATEST_FIRST } from './audit-list.graphql.ts'
import { auditVerify, type Verified } from './audit-verify.ts'
import { chainKey } from './chain.ts'
import { FAULTS, type Fault, type FaultKind } from './chain-check.ts'

/** An address may have so many origins: one a day, user and client. */
const MAX_ORIGINS = 10_000

/** The entries that came from an address. */
async function fromAddress(ctx: Context, address: string | null | undefined): Promise<object> {
  if (address == null) return {}
  const found = await ctx.app.store.database.rows<{ digest: string }>(
    Prisma.sql`SELECT "digest" FROM "AuditOrigin" WHERE "address" = ${address} ORDER BY "createdAtMs" DESC LIMIT ${Prisma.raw(String(MAX_ORIGINS))}`,
  )
  return { originDigest: { in: found.map(({ digest }) => digest) } }
}

const FaultKindEnum = builder.enumType('AuditFaultKind', {
  description: 'What is wrong with the trail.',
  values: Object.fromEntries(Object.entries(FAULTS).map(([kind, description]) => [kind, { value: kind, description }])) as {
    [K in FaultKind]: { value: K; description: string }
  },
})

const AuditFault = builder.objectRef<Fault>('AuditFault').implement({
  description: 'Where the trail is not what was written.',
  fields: (t) => ({
    kind: t.expose('kind', { type: FaultKindEnum, description: 'What is wrong.' }),
    position: t.expose('position', { type: 'SafeInt', description: 'The place in the trail.' }),
    entry: t.prismaField({
      type: AuditEntryRef,
      nullable: true,
      description: 'The entry, as it stands there now; null where there is none.',
      resolve: (query, { entryId }, _args, ctx) => (entryId ? ctx.db.auditEntry.findUnique({ ...query, where: { id: entryId } }) : null),
    }),
  }),
})

const AuditCheckpoint = builder.objectRef<{ position: number; mac: string }>('AuditCheckpoint').implement({
  description: 'What can be noted elsewhere to hold the trail against later: whoever brings an older trail back contradicts it.',
  fields: (t) => ({
    position: t.expose('position', { type: 'SafeInt', description: 'The last entry that is sealed.' }),
    mac: t.exposeString('mac', { description: 'The MAC of that entry, 64 hexadecimal digits.' }),
  }),
})

const AuditVerification = builder.objectRef<Verified>('AuditVerification').implement({
  description: 'What a look at one page of the trail has found.',
  fields: (t) => ({
    isIntact: t.boolean({
      description: 'Whether this page is what was written. The trail is, when all its pages are.',
      resolve: ({ fault }) => fault === null,
    }),
    fault: t.field({ type: AuditFault, nullable: true, description: 'The first thing that is wrong; null where nothing is.', resolve: ({ fault }) => fault }),
    checkedCount: t.exposeInt('checkedCount', { description: 'How many sealed entries of this page were found whole.' }),
    through: t.expose('through', { type: 'SafeInt', description: 'Up to which place they are.' }),
    next: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'What to go on with as `after`; null where the end is reached, or something is wrong.',
      resolve: ({ hasMore, through }) => (hasMore ? through : null),
    }),
    expiredThrough: t.expose('expiredThrough', { type: 'SafeInt', description: 'Up to which place retention has removed entries.' }),
    sealedThrough: t.expose('sealedThrough', { type: 'SafeInt', description: 'Up to which place the trail is sealed.' }),
    unsealedCount: t.expose('unsealedCount', {
      type: 'SafeInt',
      description: 'How many entries after that are not sealed yet: none of them is missing, but whether one was changed only its seal will tell.',
    }),
    checkpoint: t.field({
      type: AuditCheckpoint,
      description: 'The end of what is sealed.',
      resolve: ({ sealedThrough: position, sealedMac: mac }) => ({ position, mac }),
    }),
  }),
})

const CheckpointInput = builder.inputType('AuditCheckpointInput', {
  description: 'A checkpoint that was noted earlier: of `auditVerify`, or from the server’s log.',
  fields: (t) => ({
    position: t.field({ type: 'SafeInt', required: true, description: 'Its place in the trail.' }),
    mac: t.string({ required: true, description: 'The MAC, 64 hexadecimal digits.' }),
  }),
})

/** A page of verification reads whole entries, and is for now and then. */
const VERIFY_COST = 1000
const VERIFY_PAGE = 10_000
const VERIFY_MOST = 100_000

builder.queryFields((t) => ({
  auditEntry: t.prismaField({
    type: AuditEntryRef,
    nullable: true,
    description: 'An entry of the trail by its id; null where there is none that you may see.',
    ...rights('AUDIT_READ'),
    args: { id: t.arg.id({ required: true, description: 'The entry’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('AuditEntry', args.id, ['id'])
      return id ? ctx.db.auditEntry.findFirst({ ...query, where: { AND: [{ id }, entriesSeenBy(ctx.actor)] } }) : null
    },
  }),
  auditEntries: t.connection(
    {
      type: AuditEntryRef,
      description: 'The trail of who did what, or was refused: what you did yourself, for ADMINs everything; latest first unless ordered otherwise.',
      ...rights('AUDIT_READ'),
      args: {
        filter: t.arg({ type: AuditEntryFilter, description: 'Which entries.' }),
        address: t.arg.string({ description: 'Only what came from this address, as far as that is still known.' }),
        orderBy: t.arg({ type: [AuditEntryOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: async (_root, args, ctx, info) => {
        filterCheck(args.filter, AUDIT_FILTER_FIELDS)
        const filter = await filterOwn(ctx.reading, args.filter, { userId: 'User' })
        return readPage(ctx, info, {
          typeName: 'AuditEntry',
          delegate: ctx.db.auditEntry as never,
          where: { AND: [filterWhere(filter, AUDIT_FILTER_FIELDS), await fromAddress(ctx, args.address), entriesSeenBy(ctx.actor)] },
          order: AuditEntryOrder.toTerms(args.orderBy, LATEST_FIRST),
          args,
        }) as never
      },
    },
    ...AuditEntryPages,
  ),
  auditVerify: t.field({
    type: AuditVerification,
    description: 'Whether the trail is what was written, page by page: ask again with `after: next` until that is null.',
    ...rights('ADMIN+AUDIT_READ', VERIFY_COST),
    args: {
      after: t.arg({ type: 'SafeInt', description: 'Go on after this place, which was `next`. Left out: from the oldest entry that is left.' }),
      limit: t.arg.int({ defaultValue: VERIFY_PAGE, description: `So many entries, about; 1 to ${VERIFY_MOST}.` }),
      known: t.arg({ type: CheckpointInput, description: 'What was noted of the trail elsewhere: whether it still holds.' }),
    },
    resolve: (_root, { after, limit: given, known }, ctx) => {
      const limit = given ?? VERIFY_PAGE
      if (limit < 1 || limit > VERIFY_MOST) throw new BadUserInput(`limit must be from 1 to ${VERIFY_MOST}.`, ['limit'])
      if (after != null && after < 0) throw new BadUserInput('A place in the trail is 0 or more.', ['after'])
      if (known && (known.position < 1 || !/^[0-9a-f]{64}$/.test(known.mac))) throw new BadUserInput('This is no checkpoint of a trail.', ['known'])
      return auditVerify(ctx.app.store.database, chainKey(ctx.app.secrets), { after: after ?? undefined, limit, known: known ?? undefined })
    },
  }),
}))

type LiveEntry = EntryRow & { sseId: string }

const AuditEntryEvent = builder.objectRef<LiveEntry>('AuditEntryEvent').implement({
  description: 'An entry was added to the trail.',
  fields: (t) => ({
    position: t.expose('position', { type: 'SafeInt', description: 'Its place in the trail: go on from here with `after`.' }),
    entry: t.prismaField({
      type: AuditEntryRef,
      nullable: true,
      description: 'The entry; null once retention removed it.',
      resolve: (query, { id }, _args, ctx) => ctx.db.auditEntry.findUnique({ ...query, where: { id } }),
    }),
  }),
})

builder.subscriptionFields((t) => ({
  auditEntryAdded: t.field({
    type: AuditEntryEvent,
    description: 'Every entry that is added to the trail, from `after` on, or from now: none missing, none twice.',
    ...rights('ADMIN+AUDIT_READ'),
    args: {
      after: t.arg({ type: 'SafeInt', description: 'Go on after this place in the trail. Left out: from now on.' }),
      filter: t.arg({ type: AuditEntryFilter, description: 'Which entries.' }),
    },
    subscribe: async (_root, args, ctx) => {
      const { store } = ctx.app
      filterWhere(args.filter, AUDIT_FILTER_FIELDS) // refuses what is too large before the first entry
      const start = await followStart(store, placeOf(ctx.lastEventId) ?? args.after ?? null)
      return live<LiveEntry>(ctx.signal, async function* (signal) {
        for await (const entry of auditFollow(store, start, signal))
          if (filterMatches(args.filter, { ...entry }, AUDIT_FILTER_FIELDS)) yield { ...entry, sseId: String(entry.position) }
      })
    },
    resolve: (entry) => entry as LiveEntry,
  }),
}))

function placeOf(lastEventId: string | null): number | null {
  if (lastEventId === null) return null
  if (!/^\d{1,15}$/.test(lastEventId)) throw new BadUserInput('This is no place in the trail.', ['after'])
  return Number(lastEventId)
}
