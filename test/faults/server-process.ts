/** The real program in a process of its own, to be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = path.resolve(import.meta.dirname, '../..')
const QUICK = {
  PORT: '0',
  LOG_LEVEL: 'info',
  NODE_ENV: 'production',
  RATE_LIMITS: 'off',
  LOCAL_MODEL: 'off',
  ARGON2_MEMORY_KIB: '8192',
  ARGON2_TIME_COST: '1',
}

export class ServerProcess {
  /** Where it is, once it is ready; rejects where it ends before. */
  readonly ready: Promise<string>

  private constructor(readonly child: ChildProcess) {
    const said: string[] = []
    child.stderr!.on('data', (data) => said.push(String(data)))
    const serving = new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        said.push(line)
        if (said.length > 200) said.shift()
        const url = line.startsWith('{') ? (JSON.parse(line) as { url?: string }).url : undefined
        if (url) resolve(url)
      })
      child.once('exit', (code, signal) => reject(new Error(`The server ended (${code ?? signal}) before it served:\n${said.join('\n')}`)))
    })
    this.ready = serving.then(async (url) => {
      while ((await fetch(`${url}/health/ready`)).status !== 200) await new Promise((resolve) => setImmediate(resolve))
      return url
    })
    // Whoever kills it on the way does not wait for this.
    this.ready.catch(() => {})
  }

  /** Launches `src/main.ts` on a free port. */
  static launch(env: Record<string, string>): ServerProcess {
    // No wrapper in between: what is killed is the server.
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, ...QUICK, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new ServerProcess(child)
  }

  /** Ends the process as a power switch would. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await exit
  }
}
