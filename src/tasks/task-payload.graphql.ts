/** What mutations on one task have in common. */
import { idOf } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import type { Context } from '../graphql/context.ts'
import { TaskRef } from './task.graphql.ts'

export type Made = { taskId: string; isDuplicate?: boolean }

/** The payload's task, read after the change. */
// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
export const taskField = (t: any) => ({
  task: t.prismaField({
    type: TaskRef,
    nullable: true,
    description: 'The task as it is now; null where nothing was changed.',
    resolve: (query: object, payload: { made: Made | null }, _args: unknown, ctx: Context) =>
      payload.made ? ctx.db.task.findUnique({ ...query, where: { id: payload.made.taskId } }) : null,
  }),
})

/** Does something to the task with a global id, once for a key. */
export function onTask(
  ctx: Context,
  mutationName: string,
  { id: globalId, key, input }: { id: string; key: string | undefined; input: unknown },
  run: (work: Work, taskId: string) => Promise<unknown>,
) {
  // An id of another type is as good as none: what is not there is not found.
  const taskId = idOf('Task', globalId, ['input', 'id']) ?? ''
  return ctx.once({ mutation: mutationName, key, input }, async (work) => {
    await run(work, taskId)
    return { taskId }
  })
}
