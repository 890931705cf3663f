/** Started by a test that then kills it: a server with a task in a process of its own. Says `runs` when the function does. */
import type { StreamWriter } from '../../../src/streams/stream-writer.ts'
import { processType } from '../../../src/tasks/process/process-type.ts'
import type { TaskRun } from '../../../src/tasks/task-type.ts'
import { codeRun, codeRunParams } from '../../../src/tasks/types/code-run.ts'

const say = () => console.log('runs')
const task = (params: unknown) =>
  ({
    id: 'a-task',
    ownerId: 'somebody',
    attempt: 1,
    params,
    signal: new AbortController().signal,
    progress: say,
    openStream: async () => ({ streamId: 'a-stream', write: async () => say() }) as unknown as StreamWriter,
  }) as unknown as TaskRun<never>

const snippets: Record<string, string> = { javascript: 'console.log("runs"); for (;;);', python: 'print("runs")\nwhile True: pass' }
const [, , what] = process.argv
const code = snippets[what!]
await (code
  ? codeRun().run(task(codeRunParams.parse({ language: what, code })))
  : processType({ name: 'test', description: '', params: codeRunParams, module: new URL('./work.ts', import.meta.url) }).run(task({ does: what })))
