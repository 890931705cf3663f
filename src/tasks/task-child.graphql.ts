/** Parts of a task, made by the program elsewhere that works on it. */
import { z } from 'zod'
import { idOf } from '../core/ids.ts'
import { given, optionalDate, text } from '../core/input.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { mutation } from '../graphql/mutation.ts'
import { TaskRef } from './task.graphql.ts'
import { TASK_VALUES, toTaskValues } from './task.ts'
import { DependencyFailureEnum, dependsOnRule, taskTemplateFields, taskTemplateRules, toIds } from './task-creation.graphql.ts'
import { taskLease } from './task-lease.ts'
import { childCreate } from './task-relatives.ts'
import { leaseFields, leaseRules } from './work-inputs.graphql.ts'

mutation('taskChildCreate', {
  description:
    'Makes a task that is a part of the one you hold, and belongs to its owner: once for each `key`, however many attempts ask for it. `taskWait` waits for them.',
  rights: 'TASKS_WORK',
  inputDescription: 'Whose part, and what shall be done.',
  input: (t) => ({
    ...leaseFields(t),
    key: t.string({ required: true, description: 'What you call it within this task; at most 200 characters. The same key is the same child.' }),
    ...taskTemplateFields(t),
    runAt: t.field({ type: 'DateTime', description: 'Not before this.' }),
    dependsOn: t.idList({ description: 'Tasks of the owner that must have ended before it runs; at most 1,000.' }),
    onDependencyFailure: t.field({ type: DependencyFailureEnum, description: 'What becomes of it when one of these does not end well; CANCEL by default.' }),
  }),
  validate: z.object({
    ...leaseRules,
    key: text(1, 200),
    ...taskTemplateRules,
    runAt: optionalDate,
    dependsOn: given(dependsOnRule),
    onDependencyFailure: given(z.enum(['CANCEL', 'RUN'])),
  }),
  run: ({ id, leaseToken, key, dependsOn, ...child }, ctx) =>
    ctx.transact(async (work) => {
      const lease = await taskLease(work, { id: idOf('Task', id, ['input', 'id']) ?? '', leaseToken })
      const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${TASK_VALUES} FROM "Task" WHERE "id" = ${lease.id}`)
      return childCreate(work, ctx.app.taskTypes, lease, toTaskValues(row!), key, { ...child, dependsOn: dependsOn && toIds(dependsOn) })
    }),
  payload: (t) => ({
    task: t.prismaField({
      type: TaskRef,
      nullable: true,
      description: 'The child; null where it was refused.',
      resolve: (query, payload, _args, ctx) => (payload.made ? ctx.db.task.findUnique({ ...query, where: { id: payload.made } }) : null),
    }),
  }),
})
