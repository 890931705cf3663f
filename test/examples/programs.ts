/** The real program, and the examples against it, each in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')

export interface Program {
  /** All it has said so far. */
  readonly output: string
  /** Resolves once its output fulfils the condition; fails when it ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  /** Its exit code. */
  ended(): Promise<number | null>
  /** Sends it a signal, as SIGTERM or SIGSTOP. */
  signal(name: NodeJS.Signals): void
  kill(): Promise<void>
}

const running = new Set<ChildProcess>()
/** Whatever a test that failed has left behind. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}
process.on('exit', killAll)

/** Runs a program: TypeScript by this Node, Python by `python3`. */
export function run(file: string, env: Record<string, string>): Program {
  const [command, ...args] = file.endsWith('.py') ? ['python3', '-u'] : [process.execPath, '--import', 'tsx']
  const child = spawn(command!, [...args, path.join(root, file)], { cwd: root, env: { ...inherited(), ...env }, stdio: 'pipe' })
  let output = ''
  const watchers = new Set<() => void>()
  const told = () => {
    for (const watch of [...watchers]) watch()
  }
  for (const pipe of [child.stdout, child.stderr])
    pipe.setEncoding('utf8').on('data', (text: string) => {
      output += text
      told()
    })
  const exit = once(child, 'close')
  running.add(child)
  void exit.then(() => {
    running.delete(child)
    told()
  })
  return {
    get output() {
      return output
    },
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = () => {
          const found = pattern.exec(output)
          if (!found && !isOver(child)) return
          watchers.delete(watch)
          if (found) resolve(found)
          else reject(new Error(`${file} ended without saying ${pattern}:\n${output}`))
        }
        watchers.add(watch)
        watch()
      }),
    ended: async () => {
      await exit
      return child.exitCode
    },
    signal: (name) => {
      child.kill(name)
    },
    kill: async () => {
      if (!isOver(child)) child.kill('SIGKILL')
      await exit
    },
  }
}

const isOver = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/** The environment without what would configure a server. */
const inherited = () => Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'NODE_OPTIONS'].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
