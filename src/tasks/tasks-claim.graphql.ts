/** Work for programs elsewhere: asking for it, and hearing that there is some. */
import { z } from 'zod'
import { actorId, requireKnown } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { BadUserInput } from '../core/errors.ts'
import { idempotencyKey, optionalName, optionalWhole, text } from '../core/input.ts'
import { live } from '../events/live.ts'
import { builder, rights } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { clientLeft } from '../graphql/subscribe.ts'
import { claimable, typesTouch } from './claimable.ts'
import { READY_COUNTED, readyCounts } from './ready-watch.ts'
import { TaskRef } from './task.graphql.ts'
import { OUTSIDE_LEASE_SECONDS } from './task.ts'
import type { Claimed } from './tasks-claim.ts'
import { tasksClaimWaiting, tasksGiveBack } from './tasks-claim-waiting.ts'
import { MAX_AT_ONCE } from './work-inputs.graphql.ts'

const MAX_TYPES = 100
const MAX_WAIT_SECONDS = 30

const TaskClaimRef = builder.objectRef<Claimed>('TaskClaim').implement({
  description: 'A task that is yours to work on, for as long as you renew the lease.',
  fields: (t) => ({
    task: t.prismaField({
      type: TaskRef,
      nullable: true,
      description: 'The task, RUNNING; null where it was removed in this very moment.',
      resolve: (query, claimed, _args, ctx) => ctx.db.task.findUnique({ ...query, where: { id: claimed.id } }),
    }),
    leaseToken: t.exposeString('leaseToken', { description: 'Proves in all that follows that you hold this attempt; keep it secret.' }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      description: 'When the task is given to another, unless `taskHeartbeat` came before.',
      resolve: (claimed) => toDate(claimed.leaseExpiresAtMs),
    }),
  }),
})

const types = z
  .array(text(1, 100))
  .min(1, 'Must not be empty')
  .max(MAX_TYPES, `Must have at most ${MAX_TYPES} names`)
  .transform((names) => [...new Set(names)])

mutation('taskClaim', {
  description:
    'Takes tasks to work on, each under a lease that `taskHeartbeat` renews: those with the highest priority, then those that wait longest. A key claims its owner’s tasks, an ADMIN’s key everybody’s, and also those of the built-in types.',
  rights: 'TASKS_WORK',
  inputDescription: 'Which tasks, and how.',
  input: (t) => ({
    types: t.stringList({ required: true, description: `Names of task types that you can run, 1 to ${MAX_TYPES}.` }),
    limit: t.int({ defaultValue: 1, description: `How many at most, 1 to ${MAX_AT_ONCE}.` }),
    leaseSeconds: t.int({ defaultValue: OUTSIDE_LEASE_SECONDS, description: 'How long you may be silent before the tasks are given to another; 5 to 3,600.' }),
    worker: t.string({ description: 'What you call yourself, shown as the task’s `worker`; at most 200 characters. Left out: the id of your key or user.' }),
    idempotencyKey: t.string({
      description:
        'The same key with the same input gives the same tasks again, as far as you hold them still: for an answer that was lost. At most 200 characters.',
    }),
    waitSeconds: t.int({
      defaultValue: 0,
      description: `How long to wait for work where there is none, 0 to ${MAX_WAIT_SECONDS}; the answer comes as soon as there is.`,
    }),
  }),
  validate: z.object({
    types,
    limit: optionalWhole(1, MAX_AT_ONCE),
    leaseSeconds: optionalWhole(5, 3600),
    worker: optionalName(200),
    waitSeconds: optionalWhole(0, MAX_WAIT_SECONDS),
    idempotencyKey,
  }),
  run: async ({ waitSeconds, idempotencyKey: key, ...input }, ctx) => {
    const { store, taskTypes } = ctx.app
    const { lanes, rates, due } = await claimable(ctx.reading, taskTypes, input.types)
    await typesTouch(store, ctx.actor, due)
    const claim = {
      lanes,
      rates,
      limit: input.limit ?? 1,
      leaseSeconds: input.leaseSeconds ?? OUTSIDE_LEASE_SECONDS,
      worker: input.worker ?? nameOf(ctx),
      kind: 'OUTSIDE' as const,
    }
    const claimed = await tasksClaimWaiting(store, ctx.actor, claim, { waitMs: (waitSeconds ?? 0) * 1000, signal: ctx.signal, key, input })
    unlessDelivered(ctx, () => tasksGiveBack(store, ctx.actor, claimed.result))
    return claimed
  },
  payload: (t) => ({
    claims: t.field({ type: [TaskClaimRef], description: 'What is yours now; empty where there was nothing.', resolve: (payload) => payload.made ?? [] }),
  }),
})

/** Whoever left before the answer was handed to the network has not got it. */
function unlessDelivered(ctx: Context, act: () => Promise<unknown>): void {
  const { signal } = ctx
  const isLost = () =>
    signal.reason === clientLeft &&
    act().catch((error: unknown) => ctx.app.log.warn({ err: error }, 'Claimed tasks could not be given back; their leases will run out.'))
  if (signal.aborted) void isLost()
  else signal.addEventListener('abort', () => void isLost(), { once: true })
}

function nameOf(ctx: Context): string {
  const actor = requireKnown(ctx.actor)
  return actor.kind === 'apiKey' ? `ApiKey:${actor.apiKeyId}` : `User:${actorId(actor)}`
}

const TaskAvailability = builder.objectRef<{ count: number }>('TaskAvailability').implement({
  description: 'A hint that there may be work. Another may be faster, or a rate or a concurrency key hold it back for now.',
  fields: (t) => ({ count: t.exposeInt('count', { description: `How many tasks wait, counted up to ${READY_COUNTED}.` }) }),
})

builder.subscriptionFields((t) => ({
  taskAvailable: t.field({
    type: TaskAvailability,
    description: 'Whether there is something to claim: at once, also when there is nothing, and then whenever there may be, at most a few times a second.',
    ...rights('TASKS_WORK'),
    args: { types: t.arg.stringList({ required: true, description: `Names of task types that you can run, 1 to ${MAX_TYPES}.` }) },
    subscribe: async (_root, args, ctx) => {
      const given = types.safeParse(args.types)
      if (!given.success) throw new BadUserInput(`${given.error.issues[0]!.message}.`, ['types', ...given.error.issues[0]!.path.map(String)])
      const { lanes } = await claimable(ctx.reading, ctx.app.taskTypes, given.data, ['types'])
      return live(ctx.signal, async function* (signal) {
        for await (const count of readyCounts(ctx.app.store, lanes, signal)) yield { count }
      })
    },
    resolve: (availability) => availability as { count: number },
  }),
}))
