/** Doing something to many tasks, named by their ids or by a filter. */
import type { InputFieldMap } from '@pothos/core'
import { z } from 'zod'
import type { Filter } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { given, id, idempotencyKey } from '../core/input.ts'
import type { Committed } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import type { Prisma } from '../generated/sqlite/client.ts'
import { rowsOf } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { type InputBuilder, mutation } from '../graphql/mutation.ts'
import { TaskRef } from './task.graphql.ts'
import { TaskFilter } from './task-list.graphql.ts'
import { TaskRefusal, type ToldRefusal } from './task-refusal.graphql.ts'
import { MOST_AT_ONCE, tasksOfFilter } from './tasks-of-filter.ts'
import type { ToldApart } from './tasks-told-apart.ts'

export const MAX_IDS = 1000

/** What came of a call, and is remembered under its key. */
export type Bulk = {
  count: number
  hasMore: boolean
  /** Of those that were named by their ids: inner ids of those to which it was done. */
  taskIds: string[] | null
  /** JSON of those that were refused. */
  refused: string
}

const whichFields = (t: InputBuilder) => ({
  ids: t.idList({ description: `The tasks’ ids, 1 to ${MAX_IDS}; each is judged by itself.` }),
  filter: t.field({
    type: TaskFilter,
    description: `Or: which tasks. It is done in small steps, the oldest tasks first, to at most ${MOST_AT_ONCE.toLocaleString('en')} of them by one call; \`hasMore\` says whether to call again.`,
  }),
  idempotencyKey: t.string({ description: 'The same key with the same input does it once, and goes on where a call broke off; at most 200 characters.' }),
})

const whichRules = {
  ids: given(z.array(id).min(1, 'Must not be empty').max(MAX_IDS, `Must have at most ${MAX_IDS} entries`)),
  filter: given(z.custom<Filter>()),
  idempotencyKey,
}

export interface Which {
  ids?: string[] | undefined
  filter?: Filter | undefined
  idempotencyKey?: string | undefined
}

interface BulkOptions<Input extends Which> {
  description: string
  fields?: (t: InputBuilder) => InputFieldMap
  rules?: z.ZodRawShape
  /** At least one of these must be given. */
  needs?: readonly string[]
  /** Of those that fulfil the filter, those to which it can be done and was not yet. */
  can: (input: Input) => Prisma.Sql
  change: (work: Work, ids: string[], input: Input, ctx: Context) => Promise<ToldApart>
  /** Once it is committed. */
  after?: (ctx: Context) => Promise<void>
  // biome-ignore lint/suspicious/noExplicitAny: see tasksField
  payload?: (t: any) => Record<string, unknown>
}

/** Adds a mutation that does something to many tasks. */
export function bulk<Input extends Which>(
  name: string,
  { description, fields, rules, needs, can, change, after, payload = tasksField }: BulkOptions<Input>,
): void {
  mutation(name, {
    description,
    rights: 'TASKS_WRITE',
    inputDescription: 'Which tasks: `ids` or `filter`, one of the two.',
    input: (t) => ({ ...whichFields(t), ...fields?.(t) }),
    validate: z.object({ ...whichRules, ...rules }).superRefine((input, { addIssue }) => {
      if ((input.ids === undefined) === (input.filter === undefined)) addIssue('Give either ids or a filter')
      if (needs?.every((field) => (input as Record<string, unknown>)[field] === undefined)) addIssue('Say what shall be otherwise')
    }) as unknown as z.ZodType<Input>,
    run: async (input, ctx): Promise<Committed<Bulk>> => {
      const committed = input.ids
        ? await byIds(ctx, name, input.ids, input, (work, ids) => change(work, ids, input, ctx))
        : await byFilter(ctx, name, input.filter!, input, can(input), (work, ids) => change(work, ids, input, ctx))
      await after?.(ctx)
      return committed
    },
    payload: (t) => ({
      ...payload(t),
      count: t.int({ description: 'To how many it was done, or had been done already.', resolve: (p) => p.made?.count ?? 0 }),
      hasMore: t.boolean({
        description: 'Whether there may be more that fulfil the filter: call again.',
        resolve: (p) => p.made?.hasMore ?? false,
      }),
      refused: t.field({
        ...rowsOf('ids'),
        type: [TaskRefusal],
        description: 'Of those that were named by their ids, those to which it was not done. What a filter finds and cannot be done is passed over.',
        resolve: (p) => (p.made ? (JSON.parse(p.made.refused) as ToldRefusal[]) : []),
      }),
    }),
  })
}

function byIds(ctx: Context, name: string, globalIds: readonly string[], input: Which, change: (work: Work, ids: string[]) => Promise<ToldApart>) {
  const places = new Map<string, number>()
  const strangers: ToldRefusal[] = []
  for (const [index, globalId] of globalIds.entries()) {
    const path = ['input', 'ids', String(index)]
    const inner = idOf('Task', globalId, path)
    // An id of another type is as good as none: what is not there is not found.
    if (inner === null) strangers.push({ index, id: globalId, code: 'NOT_FOUND', message: 'Task not found.', path })
    else if (!places.has(inner)) places.set(inner, index)
  }
  return ctx.once({ mutation: name, key: input.idempotencyKey, input }, async (work): Promise<Bulk> => {
    const { done, refused } = await change(work, [...places.keys()])
    const told = refused.map(({ id: inner, error: { code, message, inputPath } }): ToldRefusal => {
      const index = places.get(inner)!
      // What is wrong is the task, unless a field of the input says otherwise.
      const field = inputPath?.[1]
      const path = field === undefined || !(field in input) ? ['input', 'ids', String(index)] : inputPath!
      return { index, id: globalIds[index]!, code, message, path }
    })
    const all = [...strangers, ...told].sort((a, b) => a.index - b.index)
    return { count: done.length, hasMore: false, taskIds: done, refused: JSON.stringify(all) }
  })
}

async function byFilter(
  ctx: Context,
  name: string,
  filter: Filter,
  input: Which,
  can: Prisma.Sql,
  change: (work: Work, ids: string[]) => Promise<ToldApart>,
): Promise<Committed<Bulk>> {
  const { result, position } = await tasksOfFilter(ctx.app.store, ctx.actor, {
    mutation: name,
    key: input.idempotencyKey,
    input,
    filter,
    can,
    change: async (work, ids) => (await change(work, ids)).done.length,
  })
  return { result: { ...result, taskIds: null, refused: '[]' }, position }
}

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
export const tasksField = (t: any) => ({
  tasks: t.prismaField({
    ...rowsOf('ids'),
    type: [TaskRef],
    nullable: true,
    description: 'Those to which it was done, in the order of `ids`; null where they were found by a filter.',
    resolve: async (query: object, payload: { made: Bulk | null }, _args: unknown, ctx: Context) => {
      const ids = payload.made?.taskIds
      return ids ? inOrderOf(ids, await ctx.db.task.findMany({ ...query, where: { id: { in: ids } } })) : null
    },
  }),
})

/** What is there no more is left out. */
export function inOrderOf<Row extends { id: string }>(ids: readonly string[], rows: readonly Row[]): Row[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((each) => byId.get(each) ?? [])
}
