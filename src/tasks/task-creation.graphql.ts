/** What is given to make a task: the same for one, for many, and for a schedule. */
import { z } from 'zod'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, jsonObject, optionalDate, optionalId, optionalName, optionalNumber, optionalText, optionalWhole, text } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import type { InputBuilder } from '../graphql/mutation.ts'
import { retryPolicyRule } from './retry-policy.ts'
import { MAX_ATTEMPTS, MAX_PARAMS_BYTES } from './task.ts'
import type { TaskCreation } from './task-prepare.ts'

export const DependencyFailureEnum = builder.enumType('DependencyFailure', {
  description: 'What becomes of a task when one that it depends on does not end well.',
  values: { CANCEL: { description: 'It is CANCELLED.' }, RUN: { description: 'It runs all the same, and can read what happened.' } },
})

export const RetryPolicyInput = builder.inputType('RetryPolicyInput', {
  description: 'How long to wait before another attempt. What is left out is as its type says, or as given here.',
  fields: (t) => ({
    initialSeconds: t.float({ description: 'Before the second attempt, in seconds, 0 to 86400; 1 by default.' }),
    factor: t.float({ description: 'Each further pause is so many times as long, 1 to 10; 2 by default.' }),
    maxSeconds: t.float({ description: 'No pause is longer, in seconds, 0 to 604800; 300 by default.' }),
    jitter: t.float({ description: 'Up to this part of a pause is added at random, 0 to 1; 0.5 by default.' }),
  }),
})

const TaskUniqueInput = builder.inputType('TaskUniqueInput', {
  description: 'That the same work is not asked for twice.',
  fields: (t) => ({
    withinSeconds: t.int({
      required: true,
      description: 'For so long the same type with the same params makes no second task of yours; 1 to 2592000 (30 days).',
    }),
  }),
})

const WEEK = 604_800
const YEAR = 31_622_400
export const timeoutRule = z.int().min(1, 'Must be at least 1').max(WEEK, `Must be at most ${WEEK}`)
export const totalTimeoutRule = z.int().min(1, 'Must be at least 1').max(YEAR, `Must be at most ${YEAR}`)
export const dependsOnRule = z.array(id).max(1000, 'Must have at most 1000 entries')

/** What says how a task is run, and may be changed while it waits. */
export const runRules = {
  priority: optionalWhole(-1000, 1000),
  runAt: optionalDate,
  maxAttempts: optionalWhole(1, MAX_ATTEMPTS),
}

/** Fields of a task to be made that any maker of tasks takes. `id`, keys and `runImmediately` are the makers' own. */
export const taskTemplateFields = (t: InputBuilder) => ({
  type: t.string({ required: true, description: 'One of `taskTypes`.' }),
  params: t.field({ type: 'JSON', description: 'What the type is given; see its `paramsSchema`. At most 200 kB.' }),
  description: t.string({ description: 'What it is about, for people; at most 10,000 characters.' }),
  domain: t.string({ description: 'Area of work, to group and filter by; at most 200 characters.' }),
  driftScore: t.float({ description: 'How far the work has strayed from its intent, 0 to 1.' }),
  priority: t.int({ description: 'Higher runs first; -1000 to 1000, 0 by default.' }),
  maxAttempts: t.int({ description: `How many attempts in all, 1 to ${MAX_ATTEMPTS}; as its type says, or 3.` }),
  retryPolicy: t.field({ type: RetryPolicyInput, description: 'How long to wait before another attempt.' }),
  timeoutSeconds: t.int({ description: 'Seconds an attempt may take, up to a week; as long as it needs by default.' }),
  totalTimeoutSeconds: t.int({
    description: 'Seconds from when it is queued (or due) to its end, all attempts and pauses included, up to a year; no limit by default.',
  }),
  sessionKey: t.string({ description: 'What binds tasks of one session of an agent together; at most 200 characters.' }),
  concurrencyKey: t.string({ description: 'Of your tasks with the same key only so many run at once; at most 200 characters.' }),
  concurrencyLimit: t.int({ description: 'How many of its key may run for this one to start, 1 to 1000; 1 by default. Only with a key.' }),
})

export const taskTemplateRules = {
  type: text(1, 200),
  params: jsonObject(MAX_PARAMS_BYTES),
  description: optionalText(10_000),
  domain: optionalName(200),
  driftScore: optionalNumber(0, 1),
  priority: optionalWhole(-1000, 1000),
  maxAttempts: optionalWhole(1, MAX_ATTEMPTS),
  retryPolicy: given(retryPolicyRule),
  timeoutSeconds: given(timeoutRule),
  totalTimeoutSeconds: given(totalTimeoutRule),
  sessionKey: optionalName(200),
  concurrencyKey: optionalName(200),
  concurrencyLimit: optionalWhole(1, 1000),
}

/** All of `taskCreate`'s. */
export const taskCreationFields = (t: InputBuilder) => ({
  id: t.id({ description: 'An id of your own making, `Task:<UUIDv7>`, so that sending this again is harmless.' }),
  ...taskTemplateFields(t),
  runAt: t.field({ type: 'DateTime', description: 'Not before this.' }),
  dependsOn: t.idList({ description: 'Tasks of yours that must have ended before it runs; at most 1,000. It can read their results.' }),
  onDependencyFailure: t.field({ type: DependencyFailureEnum, description: 'What becomes of it when one of these does not end well; CANCEL by default.' }),
  parentId: t.id({ description: 'The task that it is a part of: it is cancelled when that one FAILED or was CANCELLED.' }),
  unique: t.field({ type: TaskUniqueInput, description: 'That the same work is not asked for twice: then the payload holds the task that was there.' }),
  runImmediately: t.boolean({ description: 'Whether it is queued at once, as by default; otherwise it stays CREATED until `taskRun`.' }),
})

export const taskCreationRules = {
  id: optionalId,
  ...taskTemplateRules,
  runAt: optionalDate,
  dependsOn: given(dependsOnRule),
  onDependencyFailure: given(z.enum(['CANCEL', 'RUN'])),
  parentId: optionalId,
  unique: given(z.object({ withinSeconds: z.int().min(1, 'Must be at least 1').max(2_592_000, 'Must be at most 2592000') })),
  runImmediately: given(z.boolean()),
}

const rules = z.object(taskCreationRules)
type Given = z.output<typeof rules>

/** What was given, with inner ids. */
export function toCreation({ id: own, parentId, dependsOn, ...rest }: Given): TaskCreation {
  return {
    ...rest,
    ...(own !== undefined && { id: newIdOf('Task', own) }),
    ...(parentId !== undefined && { parentId: idOf('Task', parentId, ['input', 'parentId']) ?? NOTHING }),
    ...(dependsOn && { dependsOn: toIds(dependsOn) }),
  }
}

/** Inner ids of tasks; one of another type is as good as none. */
export const toIds = (globalIds: readonly string[]): string[] =>
  globalIds.map((globalId, i) => idOf('Task', globalId, ['input', 'dependsOn', String(i)]) ?? NOTHING)

/** No task has this id. */
const NOTHING = '00000000-0000-0000-0000-000000000000'
