/** A program that is measured, in a process of its own. `BENCH_PROFILE=<folder>` writes its `--cpu-prof` there. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

const root = path.join(import.meta.dirname, '../..')

export interface Child {
  /** The object it printed when it was ready. */
  readonly ready: Record<string, string>
  /** Milliseconds of processor time it has used so far, all its threads together. */
  cpuMs(): Promise<number>
  /** Sends a message and waits for the answer. */
  ask<Answer>(message: unknown): Promise<Answer>
  stop(): Promise<void>
}

/** Starts it and waits for the first line of JSON that holds the key. `node`: another Node, which takes the types out by itself. */
export async function startChild(file: string, env: Record<string, string>, key: string, node?: string): Promise<Child> {
  const profile = process.env.BENCH_PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${path.resolve(process.env.BENCH_PROFILE)}`] : []
  const child = fork(path.join(root, file), {
    cwd: root,
    ...(node && { execPath: node }),
    execArgv: [...profile, ...(node ? [] : ['--import', 'tsx']), '--import', path.join(import.meta.dirname, 'report.ts')],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const gone = once(child, 'exit')
  const ready = await new Promise<Record<string, string>>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (!line.startsWith('{')) return
      const said = JSON.parse(line)
      if (key in said) resolve(said)
      else if (said.level >= 40) console.error(line)
    })
    void gone.then(([code]) => reject(new Error(`${file} ended with ${code} before it was ready.`)))
  })
  const ask = async <Answer>(message: unknown): Promise<Answer> => {
    const answered = once(child, 'message')
    child.send(message as object)
    return (await answered)[0] as Answer
  }
  return {
    ready,
    ask,
    cpuMs: async () => {
      const { user, system } = await ask<NodeJS.CpuUsage>('cpu')
      return (user + system) / 1000
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const impatience = setTimeout(() => child.kill('SIGKILL'), 5000)
      await gone
      clearTimeout(impatience)
    },
  }
}
