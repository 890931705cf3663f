import type { StreamWriter } from '../../streams/stream-writer.ts'
import type { ChildCreation, TaskRun } from '../task-type.ts'
import type { Asked, FromProcess } from './messages.ts'
import type { StartedProcess } from './start-process.ts'
import { tellError } from './told-error.ts'

type Request = Extract<FromProcess, { kind: 'progress' | 'ask' | 'write' }>

/** Does for a process's function what a function in the server does by itself. Pending while the database has to catch up. */
export function answerProcess(task: TaskRun, { tell }: StartedProcess): (request: Request) => Promise<void> {
  const writers = new Map<number, StreamWriter>()
  const asked: Record<Asked, (number: number, args: unknown[]) => Promise<unknown>> = {
    async openStream(number, [about]) {
      const writer = await task.openStream(about as { model?: string; provider?: string })
      writers.set(number, writer)
      return writer.streamId
    },
    dependencies: () => task.dependencies(),
    children: () => task.children(),
    createChild(_number, [key, child]) {
      const { runAt, ...rest } = child as ChildCreation
      // A date came as text.
      return task.createChild(key as string, { ...rest, ...(runAt && { runAt: new Date(runAt) }) })
    },
  }
  return async (request) => {
    if (request.kind === 'progress') return task.progress(request.fraction, request.message)
    const number = request.kind === 'ask' ? request.number : request.stream
    try {
      if (request.kind === 'write') await writers.get(number)?.write(request.chunk, request.content)
      else tell({ kind: 'answer', to: number, value: await asked[request.what](number, request.args) })
    } catch (error) {
      tell({ kind: 'refusal', to: number, error: tellError(error) })
    }
  }
}
