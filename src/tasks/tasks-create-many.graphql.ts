/** Making many tasks at once. */
import { z } from 'zod'
import { idOf } from '../core/ids.ts'
import { batchFields, batchKey, batchRules, inPlaces, skippedField, toTold, wantedBy } from '../graphql/batch.ts'
import { builder, rowsOf } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import type { Wanted } from './creations-check.ts'
import { TaskRef } from './task.graphql.ts'
import { taskCreationFields, taskCreationRules, toCreation } from './task-creation.graphql.ts'
import { tasksCreateMany } from './tasks-create-many.ts'

const MAX_TASKS = 1000

const TaskCreateManyItem = builder.inputType('TaskCreateManyItem', {
  description: 'One of many tasks to be made.',
  fields: (t) => taskCreationFields(t as never) as never,
})

/** What is remembered under a key. */
type MadeMany = {
  /** In the order of the input; empty: skipped. */
  taskIds: string[]
  duplicates: string
  skipped: string
}

mutation('taskCreateMany', {
  description:
    'Writes many tasks down in one go, as `taskCreate` does one: all or none of them, or those without fault. They may depend on each other, and belong to each other, by ids of your making, in any order.',
  rights: 'TASKS_WRITE',
  inputDescription: 'Which tasks.',
  input: (t) =>
    batchFields(t, 'tasks', TaskCreateManyItem, { one: 'task', list: `1 to ${MAX_TASKS}; they may have at most 10,000 dependencies all together.` }),
  validate: z.object(batchRules('tasks', MAX_TASKS)),
  run: (input, ctx) => {
    const wanted = input.tasks.map(read)
    return ctx.once(batchKey('taskCreateMany', input.tasks, input), async (work): Promise<MadeMany> => {
      const { tasks, skipped } = await tasksCreateMany(work, ctx.app.taskTypes, wanted, input.errorPolicy)
      return {
        taskIds: tasks.map((made) => made?.task.id ?? ''),
        duplicates: JSON.stringify(tasks.flatMap((made, index) => (made?.isDuplicate ? [index] : []))),
        skipped: toTold(skipped),
      }
    })
  },
  payload: (t) => ({
    tasks: t.prismaField({
      ...rowsOf('tasks'),
      type: [TaskRef],
      nullable: { list: false, items: true },
      description: 'The tasks in the order of the input; null where one was skipped, and none at all where nothing was made.',
      resolve: (query, { made }, _args, ctx) => inPlaces(made?.taskIds ?? [], (id) => ctx.db.task.findMany({ ...query, where: { id } })),
    }),
    duplicates: t.intList({
      description: 'Places, from 0, of those in `tasks` that were there already, or are another one’s too, and stand for what was asked for (`unique`).',
      resolve: (payload) => (payload.made ? (JSON.parse(payload.made.duplicates) as number[]) : []),
    }),
    skipped: skippedField(t, 'tasks'),
  }),
})

const toWanted = wantedBy(z.object(taskCreationRules), toCreation)

const read = (item: unknown): Wanted => ({ id: innerId((item as { id?: unknown }).id), ...toWanted(item) })

/** So that others can be told that what they refer to is at fault itself. */
function innerId(globalId: unknown): string | undefined {
  if (typeof globalId !== 'string') return undefined
  try {
    return idOf('Task', globalId) ?? undefined
  } catch {
    return undefined
  }
}
