/** Changing tasks: one, or many in the same way. */
import { z } from 'zod'
import { given, id, idempotencyKey, jsonObject, name, text } from '../core/input.ts'
import { mutation } from '../graphql/mutation.ts'
import { MAX_ATTEMPTS, MAX_PARAMS_BYTES } from './task.ts'
import { DependencyFailureEnum, dependsOnRule, runRules, timeoutRule, toIds, totalTimeoutRule } from './task-creation.graphql.ts'
import { onTask, taskField } from './task-payload.graphql.ts'
import { taskUpdate } from './task-update.ts'
import { bulk, type Which } from './tasks-bulk.graphql.ts'
import { type TasksUpdate, tasksUpdate, wouldChange } from './tasks-update.ts'

const clearable = <T extends z.ZodType>(schema: T) => schema.nullable().optional()

/** What may be changed of one and of many. */
const commonRules = {
  domain: clearable(name(200)),
  driftScore: clearable(z.number().min(0, 'Must be at least 0').max(1, 'Must be at most 1')),
  sessionKey: clearable(name(200)),
  ...runRules,
  timeoutSeconds: clearable(timeoutRule),
}

mutation('taskUpdate', {
  description:
    'Changes what a task says of itself; while it waits (CREATED, QUEUED) also how it will be run. What is left out stays; null clears what a task can be without.',
  rights: 'TASKS_WRITE',
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The task’s id.' }),
    description: t.string({ description: 'What it is about; at most 10,000 characters.' }),
    domain: t.string({ description: 'Area of work; at most 200 characters.' }),
    driftScore: t.float({ description: 'How far it has strayed, 0 to 1.' }),
    sessionKey: t.string({ description: 'The session of an agent; at most 200 characters.' }),
    summary: t.string({ description: 'What came of it, in words; at most 10,000 characters.' }),
    priority: t.int({ description: 'While it waits: -1000 to 1000.' }),
    params: t.field({ type: 'JSON', description: 'While it waits: what its type is given.' }),
    runAt: t.field({ type: 'DateTime', description: 'While it waits: not before this.' }),
    maxAttempts: t.int({ description: `While it waits: 1 to ${MAX_ATTEMPTS}.` }),
    timeoutSeconds: t.int({ description: 'While it waits: seconds an attempt may take; null: as long as it needs.' }),
    totalTimeoutSeconds: t.int({ description: 'While it waits: seconds it may take in all; null: no limit.' }),
    dependsOn: t.idList({
      description: 'While it waits: all that it shall depend on from now on; at most 1,000. A circle is refused. Null: nothing, as `[]`.',
    }),
    onDependencyFailure: t.field({ type: DependencyFailureEnum, description: 'While it waits: what becomes of it when one of these does not end well.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input changes it once.' }),
  }),
  validate: z.object({
    id,
    ...commonRules,
    description: clearable(text(0, 10_000)),
    summary: clearable(text(0, 10_000)),
    params: jsonObject(MAX_PARAMS_BYTES).transform((value) => value ?? undefined),
    totalTimeoutSeconds: clearable(totalTimeoutRule),
    dependsOn: clearable(dependsOnRule).transform((value) => (value === null ? [] : value)),
    onDependencyFailure: given(z.enum(['CANCEL', 'RUN'])),
    idempotencyKey,
  }),
  payload: taskField,
  run: (input, ctx) => {
    const { id: globalId, idempotencyKey: key, dependsOn, ...rest } = input
    const update = { ...rest, ...(dependsOn && { dependsOn: toIds(dependsOn) }) }
    return onTask(ctx, 'taskUpdate', { id: globalId, key, input }, (work, taskId) => taskUpdate(work, ctx.app.taskTypes, taskId, update))
  },
})

bulk<Which & TasksUpdate>('taskUpdateMany', {
  description:
    'Changes many tasks in the same way, as `taskUpdate` does one. What is left out stays; null clears what a task can be without. With anything that says how they are run, only those that wait (CREATED, QUEUED).',
  fields: (t) => ({
    domain: t.string({ description: 'Area of work; at most 200 characters.' }),
    driftScore: t.float({ description: 'How far they have strayed, 0 to 1.' }),
    sessionKey: t.string({ description: 'The session of an agent; at most 200 characters.' }),
    priority: t.int({ description: 'While they wait: -1000 to 1000.' }),
    runAt: t.field({ type: 'DateTime', description: 'While they wait: not before this.' }),
    maxAttempts: t.int({ description: `While they wait: 1 to ${MAX_ATTEMPTS}.` }),
    timeoutSeconds: t.int({ description: 'While they wait: seconds an attempt may take; null: as long as it needs.' }),
  }),
  rules: commonRules,
  needs: Object.keys(commonRules),
  can: wouldChange,
  change: tasksUpdate,
})
