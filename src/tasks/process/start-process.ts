import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { lowerPriority } from '../../core/own-process.ts'
import type { ToProcess } from './messages.ts'
import type { Exit } from './process-errors.ts'

/** Below the server, which computes for milliseconds where this computes for seconds; not so far that a busy machine never comes to it. */
const LOW_PRIORITY = 5

export interface Command {
  /** What to start, and with which arguments. */
  argv: readonly string[]
  /** A program that it reads from its standard input. */
  program?: string
  /** Paths of files that it finds open, from `GIVEN_FILES` on. */
  files?: readonly string[]
}

export interface StartedProcess {
  readonly pid: number | undefined
  readonly stdout: Readable
  readonly stderr: Readable
  /** The lines it tells. */
  readonly told: Readable
  tell(message: ToProcess): void
  /** It and all it has started. */
  kill(signal: NodeJS.Signals): void
  /** Settles when it is gone and everything it said is read. */
  readonly gone: Promise<Exit>
}

/** Starts a process with nothing of this one's environment. */
export function startProcess({ argv, program, files = [] }: Command): StartedProcess {
  const open = files.map((file) => openSync(file, 'r'))
  const [command, ...args] = argv
  const child = spawn(command!, args, {
    // A group of its own, which can be ended as a whole, and which Ctrl-C in a terminal does not reach.
    detached: true,
    env: {},
    cwd: '/',
    stdio: [program === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...open],
  })
  for (const fd of open) closeSync(fd)
  lowerPriority(child.pid, LOW_PRIORITY)
  const [stdin, stdout, stderr, told, toChild] = child.stdio as unknown as [Writable | null, Readable, Readable, Readable, Writable]
  // What goes wrong with a pipe is seen by the end of its process.
  for (const pipe of [stdin, stdout, stderr, told, toChild]) pipe?.on('error', () => {})
  stdin?.end(program)
  let group = child.pid
  const kill = (signal: NodeJS.Signals) => {
    try {
      if (group !== undefined) process.kill(-group, signal)
    } catch {
      // Gone already.
    }
  }
  const gone = new Promise<Exit>((resolve) => {
    child.on('error', (error) => child.pid === undefined && resolve({ code: null, signal: null, error }))
    child.on('exit', () => {
      // What it has started would keep its pipes open.
      kill('SIGKILL')
      // Soon the number may be somebody else's.
      group = undefined
    })
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  return { pid: child.pid, stdout, stderr, told, kill, gone, tell: (message) => void (toChild.writable && toChild.write(`${JSON.stringify(message)}\n`)) }
}
