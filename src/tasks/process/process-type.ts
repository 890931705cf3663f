import { fileURLToPath } from 'node:url'
import { fileBeside, loaderArgs } from '../../core/own-process.ts'
import type { TaskType } from '../task-type.ts'
import { type ProcessLimits, runInProcess } from './run-in-process.ts'

export interface ProcessTaskType<Params> extends Omit<TaskType<Params>, 'run' | 'runs'> {
  /** The file whose default export is a `ProcessFunction<Params>`: `fileBeside(import.meta.url, 'its-name')`. */
  module: URL
  limits?: Partial<ProcessLimits>
}

const HEAP_MB = 256
/** What Node takes besides the heap: its code, its threads, buffers. */
const BESIDES_HEAP_MB = 256

/** A task type whose function runs in a process of its own for each attempt, so that it may compute for as long as it likes. */
export function processType<Params>({ module, limits = {}, ...type }: ProcessTaskType<Params>): TaskType<Params> {
  const heapMb = limits.heapMb ?? HEAP_MB
  const residentMb = limits.residentMb ?? heapMb + BESIDES_HEAP_MB
  const entry = fileBeside(import.meta.url, 'task-process')
  const argv = [process.execPath, ...loaderArgs(entry), `--max-old-space-size=${heapMb}`, fileURLToPath(entry)]
  return { ...type, runs: 'process', run: (task) => runInProcess(task, { command: { argv }, module, limits: { ...limits, heapMb, residentMb } }) }
}
