/** Task types that tests hold in their hands. */
import { z } from 'zod'
import type { TaskOutcome, TaskRun, TaskTypes } from '../../src/tasks/task-type.ts'

/** `test.held`: runs until the test says how it ends. */
export class HeldTasks {
  readonly #runs = new Map<string, HeldRun[]>()
  readonly #waiting = new Map<string, (() => void)[]>()

  register = (types: TaskTypes): void => {
    types.register({
      name: 'test.held',
      description: 'Runs until a test ends it.',
      params: z.strictObject({ note: z.string().max(1000).optional() }),
      run: (task) =>
        new Promise((resolve, reject) => {
          this.#runs.set(task.id, [...(this.#runs.get(task.id) ?? []), { task, complete: resolve, fail: reject }])
          task.signal.addEventListener('abort', () => reject(task.signal.reason))
          for (const wake of this.#waiting.get(task.id) ?? []) wake()
        }),
    })
  }

  /** The nth attempt of a task (the first one: 1), as soon as it runs. */
  async run(globalId: string, attempt = 1): Promise<HeldRun> {
    const id = globalId.split(':')[1]!
    for (;;) {
      const run = this.#runs.get(id)?.find((each) => each.task.attempt === attempt)
      if (run) return run
      await new Promise<void>((resolve) => this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]))
    }
  }
}

export interface HeldRun {
  task: TaskRun
  complete(outcome: { result?: unknown; summary?: string; agentsInvolved?: string[] }): void
  fail(error: unknown): void
}

type Script = (task: TaskRun<{ script: string; [key: string]: unknown }>) => Promise<TaskOutcome>

/** `test.scripted`: does what the test has written under the name in `params.script`. */
export class ScriptedTasks {
  readonly #scripts = new Map<string, Script>()

  write(name: string, script: Script): void {
    this.#scripts.set(name, script)
  }

  register = (types: TaskTypes): void => {
    types.register({
      name: 'test.scripted',
      description: 'Does what a test has written.',
      params: z.looseObject({ script: z.string() }),
      run: (task) => this.#scripts.get(task.params.script)!(task as never),
    })
  }
}
