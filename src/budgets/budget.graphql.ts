/** The types Budget and CostAlert. */

import { ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { builder } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { nodeLoader, nodeOf } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { siblings } from '../graphql/siblings.ts'
import { UserError, userErrorType } from '../graphql/user-errors.ts'
import { ProviderUsageRef, UsagePages } from '../usage/usage.graphql.ts'
import type { Scoped } from './budget.ts'
import { budgetsSeenBy } from './budget-access.ts'
import { BudgetExceeded } from './budget-errors.ts'
import './budget-invariants.ts'
import { ConversationRef } from '../conversations/conversation.graphql.ts'
import type { BudgetPeriod } from './budget-period.ts'
import { budgetStandings, type Standing } from './budget-standing.ts'
import { readBudgetUsages } from './budget-usages.graphql.ts'

export const BudgetScopeEnum = builder.enumType('BudgetScope', {
  description: 'What a budget holds for.',
  values: {
    EVERYTHING: { description: 'Everything on this installation.' },
    USER: { description: 'What a user spends.' },
    TASK_TYPE: { description: 'What tasks of a type spend; with a user, that user’s.' },
    CONVERSATION: { description: 'What is spent in a conversation.' },
  } as const,
})

export const BudgetPeriodEnum = builder.enumType('BudgetPeriod', {
  description: 'How long a budget lasts. Periods are UTC; a call counts in the one that it began in.',
  values: {
    DAY: { description: 'A day.' },
    WEEK: { description: 'A week, from Monday.' },
    MONTH: { description: 'A month of the calendar.' },
    TOTAL: { description: 'One period without an end.' },
  } as const,
})

interface Timed {
  id: string
  period: BudgetPeriod
}

const standingOf = async (ctx: Context, budget: Timed): Promise<Standing> => {
  const known = ctx.loader('Budget.periods', () => new Map<string, BudgetPeriod>())
  known.set(budget.id, budget.period)
  return ctx
    .loader('Budget.standing', () =>
      siblings<Standing>(async (ids) => {
        const standings = await budgetStandings(
          ctx.reading,
          ids.map((id) => ({ id, period: known.get(id)! })),
        )
        return ids.map((id) => standings.get(id)!)
      }),
    )
    .load(budget.id)
}

const ofPeriod = { id: true, period: true } as const
const NEWEST_ALERT_FIRST = [{ column: 'createdAtMs', kind: 'bigint', direction: 'DESC' }] as const

export const CostAlertRef = builder.prismaNode('CostAlert', {
  description: 'A budget passed a threshold: told once in each of its periods.',
  id: { field: 'id', description: 'The global id, `CostAlert:<uuid>`.' },
  select: { id: true },
  fields: (t) => ({
    threshold: t.exposeInt('threshold', { description: 'The threshold that was passed, in per cent of the amount.' }),
    spentMicroUsd: t.field({
      type: 'SafeInt',
      select: { spentMicroUsd: true },
      description: 'What was spent by then, in 10^-6 USD.',
      resolve: (alert) => Number(alert.spentMicroUsd),
    }),
    amountMicroUsd: t.field({
      type: 'SafeInt',
      select: { amountMicroUsd: true },
      description: 'The amount of the budget by then, in 10^-6 USD.',
      resolve: (alert) => Number(alert.amountMicroUsd),
    }),
    periodStart: t.field({
      type: 'DateTime',
      nullable: true,
      select: { periodStartMs: true },
      description: 'When the period began that it is about; null for TOTAL.',
      resolve: (alert) => (alert.periodStartMs === 0n ? null : toDate(alert.periodStartMs)),
    }),
    createdAt: t.field({ type: 'DateTime', select: { createdAtMs: true }, description: 'When it was passed.', resolve: (alert) => toDate(alert.createdAtMs) }),
    budget: t.relation('budget', { description: 'The budget.' }),
  }),
})

export const CostAlertPages = pagesOf(CostAlertRef, 'CostAlert', 'cost alerts')

export const BudgetRef = builder.prismaNode('Budget', {
  description: 'How much may be spent in a period by the calls of providers that it holds for. A call that reaches the edge is stopped.',
  id: { field: 'id', description: 'The global id, `Budget:<uuid>`.' },
  select: { id: true, ownerId: true },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What its owner calls it.' }),
    scope: t.expose('scope', { type: BudgetScopeEnum, description: 'What it holds for.' }),
    user: t.relation('user', { nullable: true, description: 'Whose spending it holds for; null: everybody’s, or that of a conversation.' }),
    taskType: t.exposeString('taskType', { nullable: true, description: 'Of the scope TASK_TYPE: the type.' }),
    conversation: t.field({
      type: ConversationRef,
      nullable: true,
      select: { conversationId: true },
      description: 'Of the scope CONVERSATION: the conversation; null once it is deleted.',
      resolve: async (budget, _args, ctx, info) => nodeOf(ctx, info, 'Conversation', budget.conversationId),
    }),
    period: t.expose('period', { type: BudgetPeriodEnum, description: 'How long it lasts.' }),
    amountMicroUsd: t.field({
      type: 'SafeInt',
      select: { amountMicroUsd: true },
      description: 'How much may be spent in a period, in 10^-6 USD.',
      resolve: (budget) => Number(budget.amountMicroUsd),
    }),
    alertThresholds: t.field({
      type: ['Int'],
      select: { alertThresholds: true },
      description: 'Per cent of the amount at which `costAlerts` tells.',
      resolve: (budget) => budget.alertThresholds as number[],
    }),
    webhookUrl: t.exposeString('webhookUrl', { nullable: true, description: 'Where alerts are told to as well.' }),
    enabled: t.exposeBoolean('enabled', { description: 'Whether it stops calls, and tells. What is spent is added up all the same.' }),
    spentMicroUsd: t.field({
      type: 'SafeInt',
      select: ofPeriod,
      description: 'What its calls of this period that have ended cost, in 10^-6 USD: the sum of `usages`.',
      resolve: async (budget, _args, ctx) => (await standingOf(ctx, budget)).spentMicroUsd,
    }),
    reservedMicroUsd: t.field({
      type: 'SafeInt',
      select: ofPeriod,
      description: 'What is held for calls under way, in 10^-6 USD. What they do not use comes back.',
      resolve: async (budget, _args, ctx) => (await standingOf(ctx, budget)).reservedMicroUsd,
    }),
    remainingMicroUsd: t.field({
      type: 'SafeInt',
      select: { ...ofPeriod, amountMicroUsd: true },
      description: 'What is neither spent nor reserved, in 10^-6 USD; 0 where there is nothing left, or less.',
      resolve: async (budget, _args, ctx) => {
        const { spentMicroUsd, reservedMicroUsd } = await standingOf(ctx, budget)
        return Math.max(0, Number(budget.amountMicroUsd) - spentMicroUsd - reservedMicroUsd)
      },
    }),
    periodStart: t.field({
      type: 'DateTime',
      nullable: true,
      select: ofPeriod,
      description: 'When this period began, UTC; null for TOTAL.',
      resolve: async (budget, _args, ctx) => (budget.period === 'TOTAL' ? null : toDate((await standingOf(ctx, budget)).startMs)),
    }),
    periodEnd: t.field({
      type: 'DateTime',
      nullable: true,
      select: ofPeriod,
      description: 'When the next period begins, UTC; null for TOTAL.',
      resolve: async (budget, _args, ctx) => toDateOrNull((await standingOf(ctx, budget)).endMs),
    }),
    usages: t.connection(
      {
        type: ProviderUsageRef,
        select: { id: true, period: true, scope: true, userId: true, taskType: true, conversationId: true },
        description: 'The calls that it holds for, of this period, the latest first: what is spent is the sum of what they cost.',
        resolve: async (budget, args, ctx, info) =>
          readBudgetUsages(ctx, info, { ...(budget as Timed & Scoped), startMs: (await standingOf(ctx, budget as Timed)).startMs }, args) as never,
      },
      ...UsagePages,
    ),
    alerts: t.connection(
      {
        type: CostAlertRef,
        description: 'The thresholds that were passed, newest first.',
        resolve: (budget, args, ctx, info) =>
          readRelated(ctx, info, budget.id, {
            typeName: 'CostAlert',
            table: 'CostAlert',
            parent: 'budgetId',
            order: NEWEST_ALERT_FIRST,
            args,
            delegate: (c) => c.db.costAlert as never,
          }) as never,
      },
      ...CostAlertPages,
    ),
    owner: t.relation('owner', { description: 'Who made it, and is told.' }),
    createdAt: t.field({ type: 'DateTime', select: { createdAtMs: true }, description: 'When it was made.', resolve: (budget) => toDate(budget.createdAtMs) }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When it was last changed.',
      resolve: (budget) => toDate(budget.updatedAtMs),
    }),
  }),
})

export const BudgetPages = pagesOf(BudgetRef, 'Budget', 'budgets')

nodeLoader('Budget', 'USAGE_READ', (ctx, ids, query) => ctx.db.budget.findMany({ ...query, where: { AND: [{ id: { in: ids } }, budgetsSeenBy(ctx.actor)] } }))
nodeLoader('CostAlert', 'USAGE_READ', (ctx, ids, query) => ctx.db.costAlert.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }))

userErrorType(BudgetExceeded, 'BudgetExceeded').implement({
  description: 'A budget has no room for this.',
  interfaces: [UserError as never],
  fields: (t) => ({
    budget: t.prismaField({
      type: BudgetRef,
      nullable: true,
      description: 'The budget; null where you may not see it.',
      resolve: (query, error, _args, ctx) => ctx.db.budget.findFirst({ ...query, where: { AND: [{ id: error.budgetId }, budgetsSeenBy(ctx.actor)] } }),
    }),
    spentMicroUsd: t.field({ type: 'SafeInt', description: 'What was spent and reserved of it, in 10^-6 USD.', resolve: (error) => error.spentMicroUsd }),
  }),
})
