/** Making, changing and removing budgets. */
import { z } from 'zod'
import { BadUserInput } from '../core/errors.ts'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, name, optionalId, optionalName, text, whole } from '../core/input.ts'
import { namesRefusedAddress } from '../core/private-addresses.ts'
import { builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { BudgetPeriodEnum, BudgetRef, BudgetScopeEnum } from './budget.graphql.ts'
import { BUDGET_SCOPES, DEFAULT_THRESHOLDS, MAX_BUDGETS, MAX_MICRO_USD, MAX_NAME, MAX_THRESHOLD, MAX_THRESHOLDS } from './budget.ts'
import { budgetCreate } from './budget-create.ts'
import { budgetDelete } from './budget-delete.ts'
import { BUDGET_PERIODS } from './budget-period.ts'
import { budgetUpdate } from './budget-update.ts'

type Made = { budgetId: string }

/** The payload's budget, read after the change. */
// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
const budgetField = (t: any) => ({
  budget: t.prismaField({
    type: BudgetRef,
    nullable: true,
    description: 'The budget as it is now; null where nothing was changed.',
    resolve: (query: object, payload: { made: Made | null }, _args: unknown, ctx: Context) =>
      payload.made ? ctx.db.budget.findUnique({ ...query, where: { id: payload.made.budgetId } }) : null,
  }),
})

const WebhookInput = builder.inputType('BudgetWebhookInput', {
  description: 'Where alerts are told to, and how they are signed.',
  fields: (t) => ({
    url: t.string({
      required: true,
      description: 'An http or https URL; at a private address only where the operator allows it (HTTP_REQUEST_ALLOWED_HOSTS). At most 2,000 characters.',
    }),
    secret: t.string({
      required: true,
      description: 'What bodies are signed with (HMAC-SHA256), 16 to 200 characters. It is kept encrypted, and never shown.',
    }),
  }),
})

const webhook = z.object({
  url: z
    .url({ protocol: /^https?$/, message: 'Must be an http or https URL' })
    .max(2000)
    .refine((url) => !URL.canParse(url) || !new URL(url).username, 'Must not hold a user name'),
  secret: text(16, 200),
})
/** A name is looked up when it is told something; an address can be refused at once, before an alert that nobody hears. */
function checkAddress(ctx: Context, told: { url: string } | null | undefined): void {
  const rules = { privateHosts: ctx.app.config.HTTP_REQUEST_ALLOWED_HOSTS, loopback: false }
  if (told && namesRefusedAddress(rules, new URL(told.url)))
    throw new BadUserInput('Is a private address, which the operator has not allowed (HTTP_REQUEST_ALLOWED_HOSTS).', ['input', 'webhook', 'url'])
}
const amount = whole(1, MAX_MICRO_USD)
const thresholds = z.array(whole(1, MAX_THRESHOLD)).max(MAX_THRESHOLDS, `Must have at most ${MAX_THRESHOLDS} entries`)

const NAME = `What you call it, 1 to ${MAX_NAME} characters.`
const AMOUNT = 'How much may be spent in a period, in 10^-6 USD; at least 1.'
const THRESHOLDS = `Per cent of the amount at which to tell, 1 to ${MAX_THRESHOLD} each, at most ${MAX_THRESHOLDS}`

mutation('budgetCreate', {
  description: `Makes a budget: for your own spending, or as an ADMIN for anybody’s. What its calls have cost in this period is spent of it at once. An owner has at most ${MAX_BUDGETS}.`,
  rights: 'USAGE_WRITE',
  inputDescription: 'How much, for what, and how long.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `Budget:<UUIDv7>`, so that sending this again is harmless.' }),
    name: t.string({ required: true, description: NAME }),
    scope: t.field({ type: BudgetScopeEnum, required: true, description: 'What it holds for. EVERYTHING is for ADMINs.' }),
    userId: t.id({
      description: 'Of USER and TASK_TYPE: whose spending. Another’s only for ADMINs; left out: your own, or for an ADMIN’s TASK_TYPE everybody’s.',
    }),
    taskType: t.string({ description: 'Of TASK_TYPE: the type.' }),
    conversationId: t.id({ description: 'Of CONVERSATION: the conversation’s id.' }),
    period: t.field({ type: BudgetPeriodEnum, required: true, description: 'How long it lasts.' }),
    amountMicroUsd: t.field({ type: 'SafeInt', required: true, description: AMOUNT }),
    alertThresholds: t.intList({ description: `${THRESHOLDS}; ${DEFAULT_THRESHOLDS.join(', ')} by default.` }),
    webhook: t.field({ type: WebhookInput, description: 'Where alerts are told to as well, by a task of the type `webhook.deliver`.' }),
    enabled: t.boolean({ defaultValue: true, description: 'Whether it stops calls, and tells.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same budget, for a day at least; at most 200 characters.' }),
  }),
  validate: z.object({
    id: optionalId,
    name: name(MAX_NAME),
    scope: z.enum(BUDGET_SCOPES),
    userId: optionalId,
    taskType: optionalName(200),
    conversationId: optionalId,
    period: z.enum(BUDGET_PERIODS),
    amountMicroUsd: amount,
    alertThresholds: given(thresholds),
    webhook: given(webhook),
    enabled: given(z.boolean()),
    idempotencyKey,
  }),
  payload: budgetField,
  run: async (input, ctx) => {
    checkAddress(ctx, input.webhook)
    const inner = (type: string, field: 'userId' | 'conversationId') =>
      input[field] === undefined ? undefined : (idOf(type, input[field], ['input', field]) ?? '')
    const creation = {
      ...input,
      id: input.id === undefined ? undefined : newIdOf('Budget', input.id),
      userId: inner('User', 'userId'),
      conversationId: inner('Conversation', 'conversationId'),
    }
    return ctx.once(
      { mutation: 'budgetCreate', key: input.idempotencyKey, id: input.id, input },
      async (work): Promise<Made> => ({
        budgetId: await budgetCreate(work, ctx.app.secrets, creation),
      }),
    )
  },
})

mutation('budgetUpdate', {
  description: 'Changes what a budget says; what is left out stays. What it holds for, and how long, cannot be changed: make another one.',
  rights: 'USAGE_WRITE',
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The budget’s id.' }),
    name: t.string({ description: NAME }),
    amountMicroUsd: t.field({ type: 'SafeInt', description: AMOUNT }),
    alertThresholds: t.intList({ description: `${THRESHOLDS}. What was told of this period is not told again.` }),
    webhook: t.field({ type: WebhookInput, description: 'Where alerts are told to as well; null: nowhere any more.' }),
    enabled: t.boolean({ description: 'Whether it stops calls, and tells.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input changes it once; at most 200 characters.' }),
  }),
  validate: z.object({
    id,
    name: optionalName(MAX_NAME),
    amountMicroUsd: given(amount),
    alertThresholds: given(thresholds),
    webhook: z.union([z.null(), given(webhook)]),
    enabled: given(z.boolean()),
    idempotencyKey,
  }),
  payload: budgetField,
  run: async (input, ctx) => {
    checkAddress(ctx, input.webhook)
    const { id: globalId, idempotencyKey: key, ...update } = input
    const budgetId = idOf('Budget', globalId, ['input', 'id']) ?? ''
    return ctx.once({ mutation: 'budgetUpdate', key, input }, async (work): Promise<Made> => {
      await budgetUpdate(work, ctx.app.secrets, budgetId, update)
      return { budgetId }
    })
  },
})

mutation('budgetDelete', {
  description: 'Removes a budget with its alerts. The calls stay, and so does the log of what happened to it.',
  rights: 'USAGE_WRITE',
  inputDescription: 'Which budget.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The budget’s id.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input has one effect; at most 200 characters.' }),
  }),
  validate: z.object({ id, idempotencyKey }),
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: (payload) => (payload.made ? `Budget:${(payload.made as unknown as Made).budgetId}` : null),
    }),
  }),
  run: (input, ctx) => {
    const budgetId = idOf('Budget', input.id, ['input', 'id']) ?? ''
    return ctx.once({ mutation: 'budgetDelete', key: input.idempotencyKey, input }, async (work): Promise<Made> => {
      await budgetDelete(work, budgetId)
      return { budgetId }
    })
  },
})
