/** A tool is something a model may ask for in the middle of an answer: a name, what it is for, what it takes, and a function. */
import { z } from 'zod'
import type { TaskRun } from '../tasks/task-type.ts'
import { ToolInputInvalid, UnknownTool } from './tool-errors.ts'

/** For whom a tool is called, and within what. */
export interface ToolCall {
  /** The task that answers; whatever a tool does is done for its owner. */
  task: TaskRun
  ownerId: string
  callId: string
  /** How many calls with the same input came before it in this answer: a further attempt that asks the same again is known by it. */
  repetition: number
  /** Aborts when the answer is no longer wanted, or the tool takes too long. */
  signal: AbortSignal
}

export interface Tool {
  name: string
  /** The model reads it to know when to call the tool. */
  description: string
  /** JSON Schema of what it takes. */
  inputSchema: unknown
  /** What it answers is given to the model as JSON; what it throws, as the error's message. */
  run(input: unknown, call: ToolCall): Promise<unknown>
}

/** A tool whose input is checked by the rule that its schema is made of. */
export function defineTool<Input>(tool: {
  name: string
  description: string
  input: z.ZodType<Input>
  run(input: Input, call: ToolCall): Promise<unknown>
}): Tool {
  const { name, description, input: rule } = tool
  const { $schema: _, ...inputSchema } = z.toJSONSchema(rule, { io: 'input' })
  return {
    name,
    description,
    inputSchema,
    async run(given, call) {
      const checked = rule.safeParse(given)
      if (!checked.success) throw new ToolInputInvalid(name, checked.error.issues)
      return tool.run(checked.data, call)
    },
  }
}

export class Tools {
  readonly #tools = new Map<string, Tool>()

  register(tool: Tool): this {
    // On the wire dots become underscores.
    if (!/^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/i.test(tool.name) || tool.name.length > 64) throw new Error(`${tool.name} is no name for a tool.`)
    if (this.#tools.has(tool.name)) throw new Error(`The tool ${tool.name} is registered twice.`)
    this.#tools.set(tool.name, tool)
    return this
  }

  /** Refuses where there is none; `path`: the input field that names it. */
  required(name: string, path: string[]): Tool {
    const tool = this.#tools.get(name)
    if (tool) return tool
    throw this.unknown(name, path)!
  }

  /** What to refuse it with; null where there is such a tool. */
  unknown(name: string, path: string[]): UnknownTool | null {
    const names = () => this.all.map((each) => each.name)
    return this.#tools.has(name) ? null : new UnknownTool(name, names(), path)
  }

  /** By name. */
  get all(): Tool[] {
    return [...this.#tools.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}
