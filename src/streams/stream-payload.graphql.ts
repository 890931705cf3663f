/** What the mutations of streams have in common. */
import { NotFound } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import type { Context } from '../graphql/context.ts'
import { taskOwned } from '../tasks/task-create.ts'
import { StreamRef } from './stream.graphql.ts'

export type Made = { streamId: string }

/** The payload's stream, read after the change. */
// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
export const streamField = (t: any) => ({
  stream: t.prismaField({
    type: StreamRef,
    nullable: true,
    description: 'The stream as it is now; null where nothing was changed.',
    resolve: (query: object, payload: { made: Made | null }, _args: unknown, ctx: Context) =>
      payload.made ? ctx.db.stream.findUnique({ ...query, where: { id: payload.made.streamId } }) : null,
  }),
})

/** The inner id of a task that is to own a stream; what is not the actor's is not found. */
export async function ownTask(work: Work, globalId: string | undefined): Promise<string | undefined> {
  if (globalId === undefined) return undefined
  const taskId = idOf('Task', globalId, ['input', 'taskId'])
  if (!taskId || !(await taskOwned(work, taskId))) throw new NotFound('Task', ['input', 'taskId'])
  return taskId
}
