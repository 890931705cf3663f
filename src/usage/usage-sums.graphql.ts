/** Sums of calls by day, model, provider, user and task type. */

import { actorId, seesAll } from '../core/actor.ts'
import { DAY_MS } from '../core/clock.ts'
import { BadUserInput } from '../core/errors.ts'
import { type FilterFields, filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { filterSql } from '../db/filter-sql.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder, rights } from '../graphql/builder.ts'
import { filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'
import type { SumKey } from './usage-sum.ts'
import { SUM_FIELDS } from './usage-sum-fields.graphql.ts'
import { type SumGroup, usageSumsRead } from './usage-sums-read.ts'

const MAX_GROUPS = 1000

export const UsageGroup = builder.enumType('UsageGroup', {
  description: 'What calls are added up by.',
  values: {
    DAY: { value: 'day', description: 'The day that they began on, UTC.' },
    MODEL: { value: 'model', description: 'The model, without the provider’s name.' },
    PROVIDER: { value: 'provider', description: 'The provider.' },
    USER: { value: 'ownerId', description: 'Whose they are.' },
    TASK_TYPE: { value: 'taskType', description: 'The type of the task that made them.' },
  } as const,
})

const SUM_FILTER_FIELDS: FilterFields = {
  ownerId: { column: 'ownerId', required: true, write: (value) => idOf('User', value as string, ['filter', 'ownerId']) ?? '' },
  provider: { column: 'provider', required: true },
  model: { column: 'model', required: true },
  taskType: { column: 'taskType', required: true },
}

const UsageSumFilter = filterInput('UsageSumFilter', 'Which calls are added up.', {
  ownerId: { type: IdFilter, description: 'The owner’s id (of use to ADMINs).' },
  provider: { type: StringFilter, description: 'The provider’s name.' },
  model: { type: StringFilter, description: 'The model, without the provider’s name.' },
  taskType: { type: StringFilter, description: 'The type of the task that made them; empty: of no task.' },
})

const UsageSumRef = builder.objectRef<SumGroup>('UsageSum').implement({
  description: 'Calls of providers that are alike in what they are grouped by, added up. What they are not grouped by is null.',
  fields: (t) => ({
    day: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The beginning of the day, UTC.',
      resolve: ({ day }) => (day === undefined ? null : new Date(day * DAY_MS)),
    }),
    provider: t.string({ nullable: true, description: 'The provider.', resolve: ({ provider }) => provider ?? null }),
    model: t.string({ nullable: true, description: 'The model, without the provider’s name.', resolve: ({ model }) => model ?? null }),
    taskType: t.string({ nullable: true, description: 'The type of task; empty: of no task.', resolve: ({ taskType }) => taskType ?? null }),
    user: t.prismaField({
      type: 'User',
      nullable: true,
      description: 'Whose they are.',
      resolve: (query, { ownerId }, _args, ctx) => (ownerId === undefined ? null : ctx.db.user.findUnique({ ...query, where: { id: ownerId } })),
    }),
    ...SUM_FIELDS(t as never),
  }),
})

builder.queryFields((t) => ({
  usageSums: t.field({
    type: [UsageSumRef],
    description:
      'Your calls of providers that have ended, for ADMINs everybody’s, added up by whole days (UTC); by days, then the dearest first. Exact at every moment. ' +
      'Grouped by nothing there is one sum, of all.',
    ...rights('USAGE_READ', 500),
    args: {
      groupBy: t.arg({ type: [UsageGroup], required: true, description: 'What to add them up by.' }),
      from: t.arg({ type: 'DateTime', description: 'From the day that this lies in.' }),
      to: t.arg({ type: 'DateTime', description: 'Only days that begin before this.' }),
      filter: t.arg({ type: UsageSumFilter, description: 'Which calls.' }),
      first: t.arg.int({ defaultValue: 100, description: `How many sums at most, 1 to ${MAX_GROUPS}.` }),
    },
    resolve: (_root, { groupBy, from, to, filter, first }, ctx) => {
      const limit = first ?? 100
      if (limit < 1 || limit > MAX_GROUPS) throw new BadUserInput(`first must be from 1 to ${MAX_GROUPS}.`, ['first'])
      filterWhere(filter, SUM_FILTER_FIELDS) // refuses what is too large
      const conditions = [filterSql(filter, SUM_FILTER_FIELDS)]
      if (!seesAll(ctx.actor)) conditions.push(Prisma.sql`"ownerId" = ${actorId(ctx.actor) ?? ''}`)
      if (from) conditions.push(Prisma.sql`"day" >= ${Math.floor(from.getTime() / DAY_MS)}`)
      if (to) conditions.push(Prisma.sql`"day" < ${Math.ceil(to.getTime() / DAY_MS)}`)
      return usageSumsRead(ctx.reading, { groupBy: [...new Set(groupBy as SumKey[])], condition: Prisma.join(conditions, ' AND '), limit })
    },
  }),
}))
