/** Making the types known that programs elsewhere run. */
import { z } from 'zod'
import { idOf } from '../core/ids.ts'
import { given, name, optionalId, optionalText, optionalWhole } from '../core/input.ts'
import { mutation } from '../graphql/mutation.ts'
import { isCheckable } from './params-schema.ts'
import { MAX_SCHEMA_BYTES, schemaFaults } from './params-schema-rules.ts'
import { retryPolicyRule } from './retry-policy.ts'
import { MAX_ATTEMPTS } from './task.ts'
import { RetryPolicyInput } from './task-creation.graphql.ts'
import { taskTypeRegister } from './task-type-register.ts'
import { taskTypeRemove } from './task-type-remove.ts'
import { type KnownTaskType, TaskTypeRef } from './task-types.graphql.ts'
import { outsideTypeRead } from './task-types-read.ts'

const typeName = z.string().regex(/^[a-z][a-z0-9_.-]{0,99}$/i, 'Must begin with a letter, and hold at most 100 letters, digits and _ . -')

/** Everything that is wrong with a schema is told at once, each with its place. */
const schemaRule = z
  .unknown()
  .optional()
  .superRefine((schema, issues) => {
    if (schema === undefined || schema === null) return
    const faults = schemaFaults(schema)
    for (const fault of faults) issues.addIssue({ code: 'custom', message: fault.message, path: fault.path })
    if (!faults.length && !isCheckable(schema))
      issues.addIssue({ code: 'custom', message: 'Leads back to itself without end, or takes too long to check', path: [] })
  })

mutation('taskTypeRegister', {
  description:
    'Makes a type known whose tasks programs elsewhere run: yours, or, when an ADMIN registers it, everybody’s. The same name again says anew what it is; what is left out is taken away. Workers may do so at every start.',
  rights: 'TASKS_WORK',
  inputDescription: 'What the type is.',
  input: (t) => ({
    name: t.string({
      required: true,
      description: 'What `taskCreate` will take as `type`: a letter, then letters, digits and `_ . -`; at most 100. Not that of a type that is built in.',
    }),
    description: t.string({ description: 'What it does; at most 2,000 characters.' }),
    paramsSchema: t.field({
      type: 'JSON',
      description: `JSON Schema (draft 2020-12) that the params of its tasks must fulfil; left out: any object will do. Whole in itself: \`$ref\` begins with \`#\`. At most ${MAX_SCHEMA_BYTES / 1000} kB.`,
    }),
    maxAttempts: t.int({ description: `How many attempts its tasks have unless they say otherwise, 1 to ${MAX_ATTEMPTS}; 3 where left out.` }),
    timeoutSeconds: t.int({ description: 'Seconds an attempt may take unless a task says otherwise, up to a week; as long as it needs where left out.' }),
    retryPolicy: t.field({ type: RetryPolicyInput, description: 'How long its tasks wait before another attempt, unless they say otherwise.' }),
    rateLimit: t.int({ description: 'How many of its tasks may start in `rateSeconds`, whoever works on them; 1 to 100,000. Any number where left out.' }),
    rateSeconds: t.int({ description: 'The period of `rateLimit`, 1 second to a day.' }),
  }),
  validate: z
    .object({
      name: typeName,
      description: optionalText(2000),
      paramsSchema: schemaRule,
      maxAttempts: optionalWhole(1, MAX_ATTEMPTS),
      timeoutSeconds: optionalWhole(1, 604_800),
      retryPolicy: given(retryPolicyRule),
      rateLimit: optionalWhole(1, 100_000),
      rateSeconds: optionalWhole(1, 86_400),
    })
    .refine((input) => (input.rateLimit === undefined) === (input.rateSeconds === undefined), {
      message: 'Goes with rateLimit, both or none',
      path: ['rateSeconds'],
    }),
  run: (input, ctx) => ctx.transact((work) => taskTypeRegister(work, ctx.app.taskTypes, input)),
  payload: (t) => ({
    taskType: t.field({
      type: TaskTypeRef,
      nullable: true,
      description: 'The type as it is now; null where it was refused.',
      resolve: async (payload, _args, ctx): Promise<KnownTaskType | null> => {
        const row = payload.made && (await outsideTypeRead(ctx.reading, payload.made))
        return row ? { outside: row } : null
      },
    }),
  }),
})

mutation('taskTypeRemove', {
  description:
    'Forgets a type that you registered. No more tasks of it can be made; those that wait go on waiting, until it is registered again or they are cancelled.',
  rights: 'TASKS_WORK',
  inputDescription: 'Which type.',
  input: (t) => ({
    name: t.string({ required: true, description: 'Its name.' }),
    ownerId: t.id({ description: 'Whose; left out: yours. Those of others are removed by ADMINs.' }),
  }),
  validate: z.object({ name: name(100), ownerId: optionalId }),
  run: (input, ctx) =>
    ctx.transact(async (work) => {
      await taskTypeRemove(work, input.name, input.ownerId === undefined ? undefined : (idOf('User', input.ownerId, ['input', 'ownerId']) ?? ''))
      return input.name
    }),
  payload: (t) => ({
    removedName: t.string({ nullable: true, description: 'The name that is free now; null where nothing was removed.', resolve: (payload) => payload.made }),
  }),
})
