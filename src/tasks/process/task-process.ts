/** The process of a task that any module of ours may run in; started by `run-in-process.ts`. */
import { type ProcessFunction, serveTask } from './serve-task.ts'

serveTask(async (module) => {
  const { default: perform } = (await import(module!)) as { default: ProcessFunction }
  if (typeof perform !== 'function') throw new Error(`${module} has no function as its default export.`)
  return perform
})
