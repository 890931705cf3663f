import { keptJson } from '../core/kept-text.ts'
import type { OfferedTool } from '../providers/provider.ts'
import type { TaskRun } from '../tasks/task-type.ts'
import type { Tool, Tools } from './tool.ts'
import { ToolFailed } from './tool-errors.ts'

const TIMEOUT_MS = 60_000
/** Characters of JSON: what a tool answers is read by a model, which has to pay for it. */
const MAX_OUTPUT = 100_000
/** A model that goes round in circles comes to an end. */
const MAX_CALLS = 100

/** These tools for one answer. What they do is done for the owner of the task; none outlives its time or the answer. */
export function toolsOffered(tools: Tools, names: readonly string[], task: TaskRun): OfferedTool[] {
  const asked = new Map<string, number>()
  let calls = 0
  return [...new Set(names)]
    .map((name) => tools.required(name, ['tools']))
    .map((tool) => ({
      name: tool.name,
      description: tool.description,
      inputSchema: tool.inputSchema,
      async run(given, { callId, signal }) {
        // A model may write what no database keeps.
        const input = keptJson(given ?? null)
        if (++calls > MAX_CALLS) throw new ToolFailed(`An answer may call tools ${MAX_CALLS} times at most.`)
        const key = `${tool.name} ${JSON.stringify(input)}`
        const repetition = asked.get(key) ?? 0
        asked.set(key, repetition + 1)
        const output = await inTime(tool, signal, (limited) => tool.run(input, { task, ownerId: task.ownerId, callId, repetition, signal: limited }))
        const json = JSON.stringify(output ?? null)
        if (json.length > MAX_OUTPUT) throw new ToolFailed(`${tool.name} answered ${json.length} characters; at most ${MAX_OUTPUT} are taken.`)
        return output
      },
    }))
}

/** Does not wait for a tool that ignores its signal. */
async function inTime<T>(tool: Tool, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new ToolFailed(`${tool.name} did not end within ${TIMEOUT_MS / 1000} s.`)), TIMEOUT_MS)
  const limited = AbortSignal.any([signal, late.signal])
  let stop = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(limited.reason)
    if (limited.aborted) stop()
    else limited.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([stopped, run(limited)])
  } finally {
    clearTimeout(timer)
    limited.removeEventListener('abort', stop)
  }
}
