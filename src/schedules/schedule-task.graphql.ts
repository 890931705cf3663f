/** The task of a schedule: what is given, and what is told of it. */
import { z } from 'zod'
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { taskTemplateFields, taskTemplateRules } from '../tasks/task-creation.graphql.ts'
import type { ScheduledTask } from './schedule.ts'

export const ScheduledTaskInput = builder.inputType('ScheduledTaskInput', {
  description: 'What each task of a schedule is made with.',
  fields: (t) => taskTemplateFields(t),
})

export const scheduledTaskRules = z.object(taskTemplateRules)

export const ScheduledTaskRef = builder.objectRef<ScheduledTask>('ScheduledTask').implement({
  description: 'What each task of a schedule is made with; what is null is as its type says, or left out.',
  fields: (t) => ({
    type: t.exposeString('type', { description: 'What kind of work, as listed in `taskTypes`.' }),
    params: t.field({ ...weighs(LONG_VALUE), type: 'JSON', nullable: true, description: 'What its type is given.', resolve: (task) => task.params ?? null }),
    description: t.exposeString('description', { ...weighs(2), nullable: true, description: 'What it is about, for people.' }),
    domain: t.exposeString('domain', { nullable: true, description: 'Area of work, to group and filter by.' }),
    driftScore: t.exposeFloat('driftScore', { nullable: true, description: 'How far the work has strayed from its intent, 0 to 1.' }),
    priority: t.exposeInt('priority', { nullable: true, description: 'Higher runs first; -1000 to 1000.' }),
    maxAttempts: t.exposeInt('maxAttempts', { nullable: true, description: 'How many attempts in all.' }),
    retryPolicy: t.field({
      type: 'JSON',
      nullable: true,
      description: 'How long to wait before another attempt, as it was given.',
      resolve: (task) => task.retryPolicy ?? null,
    }),
    timeoutSeconds: t.exposeInt('timeoutSeconds', { nullable: true, description: 'Seconds an attempt may take.' }),
    totalTimeoutSeconds: t.exposeInt('totalTimeoutSeconds', { nullable: true, description: 'Seconds it may take in all, attempts and pauses together.' }),
    sessionKey: t.exposeString('sessionKey', { nullable: true, description: 'What binds tasks of one session of an agent together.' }),
    concurrencyKey: t.exposeString('concurrencyKey', { nullable: true, description: 'What only so many tasks of yours with the same key run at once by.' }),
    concurrencyLimit: t.exposeInt('concurrencyLimit', { nullable: true, description: 'How many of the key may run at once.' }),
  }),
})
