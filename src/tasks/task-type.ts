/** What can be run: a registry of task types. */
import { z } from 'zod'
import type { StreamWriter } from '../streams/stream-writer.ts'

/** One attempt at a task, as its function sees it. */
export interface TaskRun<Params = unknown> {
  readonly id: string
  readonly ownerId: string
  /** 1 in the first run. */
  readonly attempt: number
  readonly params: Params
  /** Aborts when the task is cancelled, times out, loses its lease, or the server stops. */
  readonly signal: AbortSignal
  /** `fraction` from 0 to 1. Written at most a few times a second; the last one always. */
  progress(fraction: number, message?: string): void
  /** Opens a stream of this attempt, or takes up the one that waits for it. It ends when the task does. */
  openStream(about: { model?: string; provider?: string }): Promise<StreamWriter>
}

export interface TaskOutcome {
  result?: unknown
  summary?: string
  agentsInvolved?: string[]
}

export interface TaskType<Params = unknown> {
  name: string
  description: string
  /** Checks the params when the task is made; its JSON Schema is shown in `taskTypes`. */
  params: z.ZodType<Params>
  /** Whether it writes a stream: then one is opened together with the task. */
  streams?: boolean
  run(task: TaskRun<Params>): Promise<TaskOutcome>
}

export class TaskTypes {
  readonly #types = new Map<string, TaskType>()

  register<Params>(type: TaskType<Params>): void {
    if (this.#types.has(type.name)) throw new Error(`The task type ${type.name} is registered twice.`)
    this.#types.set(type.name, type as unknown as TaskType)
  }

  get(name: string): TaskType | undefined {
    return this.#types.get(name)
  }

  get names(): string[] {
    return [...this.#types.keys()].sort()
  }

  get all(): TaskType[] {
    return this.names.map((name) => this.#types.get(name)!)
  }
}

export const paramsSchema = (type: TaskType): unknown => z.toJSONSchema(type.params, { io: 'input', unrepresentable: 'any' })
