/** Making many tasks at once. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { BadUserInput, DomainError } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import { given, idempotencyKey } from '../core/input.ts'
import { builder, rowsOf } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { told, UserError } from '../graphql/user-errors.ts'
import type { Wanted } from './creations-check.ts'
import { TaskRef } from './task.graphql.ts'
import { taskCreationFields, taskCreationRules, toCreation } from './task-creation.graphql.ts'
import { tasksCreateMany } from './tasks-create-many.ts'

const MAX_TASKS = 1000

const TaskCreateManyItem = builder.inputType('TaskCreateManyItem', {
  description: 'One of many tasks to be made.',
  fields: (t) => taskCreationFields(t as never) as never,
})

const TaskErrorPolicy = builder.enumType('TaskErrorPolicy', {
  description: 'What becomes of the others where one of many is at fault.',
  values: {
    REJECT_ALL: { description: 'None is made; `userErrors` tells what is wrong with each, the first 100 faults.' },
    SKIP_FAILED: { description: 'The others are made, but for those that depend on it, or belong to it; `skipped` tells which are not.' },
  },
})

interface Fault {
  code: string
  message: string
  path: string[] | null
}

interface Skipped {
  index: number
  faults: Fault[]
}

const TaskSkip = builder.objectRef<Skipped>('TaskSkip').implement({
  description: 'One of many tasks that was not made.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place in the input, from 0.' }),
    userErrors: t.field({
      type: [UserError],
      description: 'Why; the first 10 faults.',
      resolve: ({ faults }) => faults.map(({ code, message, path }) => told(new DomainError(code, message, path))),
    }),
  }),
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
  input: (t) => ({
    tasks: t.field({ type: [TaskCreateManyItem], required: true, description: `1 to ${MAX_TASKS}; they may have at most 10,000 dependencies all together.` }),
    errorPolicy: t.field({ type: TaskErrorPolicy, defaultValue: 'REJECT_ALL', description: 'What becomes of the others where one is at fault.' }),
    idempotencyKey: t.string({
      description:
        'The same key with the same input gives the same tasks, for a day at least; at most 200 characters. Where a task brings an id of your making along, the same input does so without a key.',
    }),
  }),
  validate: z.object({
    // Each is judged by itself.
    tasks: z.array(z.unknown()).min(1, 'Must not be empty').max(MAX_TASKS, `Must have at most ${MAX_TASKS} entries`),
    errorPolicy: given(z.enum(['REJECT_ALL', 'SKIP_FAILED'])),
    idempotencyKey,
  }),
  run: (input, ctx) => {
    const wanted = input.tasks.map(read)
    const hasIds = wanted.some(({ id }) => id !== undefined)
    return ctx.once(
      { mutation: 'taskCreateMany', key: input.idempotencyKey, id: hasIds ? hashOf(input) : undefined, input },
      async (work): Promise<MadeMany> => {
        const { tasks, skipped } = await tasksCreateMany(work, ctx.app.taskTypes, wanted, input.errorPolicy ?? 'REJECT_ALL')
        return {
          taskIds: tasks.map((made) => made?.task.id ?? ''),
          duplicates: JSON.stringify(tasks.flatMap((made, index) => (made?.isDuplicate ? [index] : []))),
          skipped: JSON.stringify(skipped.map(({ index, errors }): Skipped => ({ index, faults: errors.map(toFault) }))),
        }
      },
    )
  },
  payload: (t) => ({
    tasks: t.prismaField({
      ...rowsOf('tasks'),
      type: [TaskRef],
      nullable: { list: false, items: true },
      description: 'The tasks in the order of the input; null where one was skipped, and none at all where nothing was made.',
      resolve: async (query, payload, _args, ctx) => {
        const ids = payload.made?.taskIds ?? []
        const rows = await ctx.db.task.findMany({ ...query, where: { id: { in: ids } } })
        const byId = new Map(rows.map((row) => [row.id, row]))
        return ids.map((id) => byId.get(id) ?? null)
      },
    }),
    duplicates: t.intList({
      description: 'Places, from 0, of those in `tasks` that were there already, or are another one’s too, and stand for what was asked for (`unique`).',
      resolve: (payload) => (payload.made ? (JSON.parse(payload.made.duplicates) as number[]) : []),
    }),
    skipped: t.field({
      ...rowsOf('tasks'),
      type: [TaskSkip],
      description: 'Those that were not made though others were (SKIP_FAILED), in the order of the input.',
      resolve: (payload) => (payload.made ? (JSON.parse(payload.made.skipped) as Skipped[]) : []),
    }),
  }),
})

const toFault = ({ code, message, inputPath: path }: DomainError): Fault => ({ code, message, path })

const rules = z.object(taskCreationRules)

/** One of many, with everything that is wrong with how it is asked for. */
function read(item: unknown): Wanted {
  const id = innerId((item as { id?: unknown }).id)
  const parsed = rules.safeParse(item)
  if (!parsed.success)
    return {
      id,
      creation: null,
      faults: parsed.error.issues.map(({ message, path }) => new BadUserInput(`${message.replace(/\.$/, '')}.`, ['input', ...path.map(String)])),
    }
  try {
    return { id, creation: toCreation(parsed.data), faults: [] }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { id, creation: null, faults: [error] }
  }
}

/** So that others can be told that what they refer to is at fault itself. */
function innerId(globalId: unknown): string | undefined {
  if (typeof globalId !== 'string') return undefined
  try {
    return idOf('Task', globalId) ?? undefined
  } catch {
    return undefined
  }
}

const hashOf = (input: object): string => createHash('sha256').update(JSON.stringify(input)).digest('base64url')
