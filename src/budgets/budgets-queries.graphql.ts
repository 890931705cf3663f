/** Reading budgets and alerts, and following alerts. */
import { ownedBy } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { type FilterFields, filterWhere, moment } from '../core/filter.ts'
import { idOf, toGlobalId } from '../core/ids.ts'
import { eventCursorOf, type LiveEvent } from '../events/events.graphql.ts'
import type { LoggedEvent } from '../events/log.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, orderInput, readPage } from '../graphql/connection.ts'
import { comparators, DateTimeFilter, filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { followMany } from '../graphql/follow-entity.ts'
import { BudgetPages, BudgetPeriodEnum, BudgetRef, BudgetScopeEnum, CostAlertPages, CostAlertRef } from './budget.graphql.ts'
import { budgetsSeenBy } from './budget-access.ts'

const ids = (type: string, column: string) => ({ column, write: (value: unknown) => idOf(type, value as string, ['filter', column]) ?? '' })
const createdAt = moment('createdAtMs')

const BUDGET_FILTER_FIELDS: FilterFields = {
  id: ids('Budget', 'id'),
  ownerId: { ...ids('User', 'ownerId'), required: true },
  name: { column: 'name', required: true },
  scope: { column: 'scope', required: true },
  period: { column: 'period', required: true },
  userId: ids('User', 'userId'),
  taskType: { column: 'taskType' },
  conversationId: ids('Conversation', 'conversationId'),
  createdAt,
}

const BudgetFilter = filterInput('BudgetFilter', 'Which budgets.', {
  id: { type: IdFilter, description: 'The id.' },
  ownerId: { type: IdFilter, description: 'The owner’s id.' },
  name: { type: StringFilter, description: 'The name.' },
  scope: { type: comparators('BudgetScope', BudgetScopeEnum as never, 'scope'), description: 'What it holds for.' },
  period: { type: comparators('BudgetPeriod', BudgetPeriodEnum as never, 'period'), description: 'How long it lasts.' },
  userId: { type: IdFilter, description: 'Whose spending it holds for.' },
  taskType: { type: StringFilter, description: 'The task type that it holds for.' },
  conversationId: { type: IdFilter, description: 'The conversation that it holds for.' },
  createdAt: { type: DateTimeFilter, description: 'When it was made.' },
})

const BudgetOrder = orderInput('Budget', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was made.' },
  NAME: { column: 'name', kind: 'string', description: 'Its name, by its letters.' },
  AMOUNT: { column: 'amountMicroUsd', kind: 'bigint', description: 'How much may be spent.' },
})

const ALERT_FILTER_FIELDS: FilterFields = {
  budgetId: { ...ids('Budget', 'budgetId'), required: true },
  threshold: { column: 'threshold', required: true },
  createdAt,
}

const CostAlertFilter = filterInput('CostAlertFilter', 'Which alerts.', {
  budgetId: { type: IdFilter, description: 'The budget’s id.' },
  createdAt: { type: DateTimeFilter, description: 'When the threshold was passed.' },
})

builder.queryFields((t) => ({
  budget: t.prismaField({
    type: BudgetRef,
    nullable: true,
    description: 'A budget by its id; null where there is none that you may see.',
    ...rights('USAGE_READ'),
    args: { id: t.arg.id({ required: true, description: 'The budget’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('Budget', args.id, ['id'])
      return id ? ctx.db.budget.findFirst({ ...query, where: { AND: [{ id }, budgetsSeenBy(ctx.actor)] } }) : null
    },
  }),
  budgets: t.connection(
    {
      type: BudgetRef,
      description: 'Your budgets and those that hold for you by name, for ADMINs everybody’s; newest first unless ordered otherwise.',
      ...rights('USAGE_READ'),
      args: {
        filter: t.arg({ type: BudgetFilter, description: 'Which budgets.' }),
        orderBy: t.arg({ type: [BudgetOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'Budget',
          delegate: ctx.db.budget as never,
          where: { AND: [filterWhere(args.filter, BUDGET_FILTER_FIELDS), budgetsSeenBy(ctx.actor)] },
          order: BudgetOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...BudgetPages,
  ),
  costAlertList: t.connection(
    {
      type: CostAlertRef,
      description: 'The alerts of your budgets, for ADMINs of everybody’s; newest first.',
      ...rights('USAGE_READ'),
      args: { filter: t.arg({ type: CostAlertFilter, description: 'Which alerts.' }) },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'CostAlert',
          delegate: ctx.db.costAlert as never,
          where: { AND: [filterWhere(args.filter, ALERT_FILTER_FIELDS), ownedBy(ctx.actor)] },
          order: NEWEST_FIRST,
          args,
        }) as never,
    },
    ...CostAlertPages,
  ),
}))

const CostAlertEvent = builder.objectRef<LoggedEvent>('CostAlertEvent').implement({
  description: 'A budget has passed a threshold.',
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place in the log: go on from here with `after`.',
      resolve: (event, _args, ctx) => eventCursorOf(ctx, event),
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it was committed, by the database’s clock.', resolve: (event) => toDate(event.occurredAtMs) }),
    alertId: t.id({ description: 'The alert’s id.', resolve: (event) => toGlobalId('CostAlert', event.subjectId) }),
    budgetId: t.id({ description: 'The budget’s id.', resolve: (event) => toGlobalId('Budget', event.data.budgetId as string) }),
    threshold: t.int({ description: 'The threshold that was passed, in per cent of the amount.', resolve: (event) => event.data.threshold as number }),
    spentMicroUsd: t.field({ type: 'SafeInt', description: 'What was spent by then, in 10^-6 USD.', resolve: (event) => event.data.spentMicroUsd as number }),
    amountMicroUsd: t.field({
      type: 'SafeInt',
      description: 'The amount of the budget by then, in 10^-6 USD.',
      resolve: (event) => event.data.amountMicroUsd as number,
    }),
    alert: t.prismaField({
      type: CostAlertRef,
      nullable: true,
      description: 'The alert; null once its budget is deleted.',
      resolve: (query, event, _args, ctx) => ctx.db.costAlert.findUnique({ ...query, where: { id: event.subjectId, ...ownedBy(ctx.actor) } }),
    }),
  }),
})

builder.subscriptionFields((t) => ({
  costAlerts: t.field({
    type: CostAlertEvent,
    description: 'Every alert of your budgets (for ADMINs of everybody’s), from `after` on, or from now: none missing, none twice.',
    ...rights('USAGE_READ'),
    args: { after: t.arg({ type: 'Cursor', description: 'Go on after this place. Left out: from now on.' }) },
    subscribe: (_root, args, ctx) => followMany(ctx, { typeName: 'CostAlert' }, ALERT_FILTER_FIELDS, args),
    resolve: (event) => event as LiveEvent,
  }),
}))
