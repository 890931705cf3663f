/** A PostgreSQL server of a test's own, to be restarted under whoever uses it. */
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const VERSIONS = '/usr/lib/postgresql'
const bin = binFolder()

if (!bin) {
  if (process.env.CI) throw new Error(`There is no initdb under ${VERSIONS}, and in CI there must be.`)
  console.warn(`\n  NO RESTART OF POSTGRESQL IS TRIED: there is no initdb under ${VERSIONS}.\n`)
}

export const hasCluster = bin !== null

function binFolder(): string | null {
  try {
    const versions = readdirSync(VERSIONS).filter((version) => readdirSync(path.join(VERSIONS, version, 'bin')).includes('initdb'))
    const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
    return newest === undefined ? null : path.join(VERSIONS, newest, 'bin')
  } catch {
    return null
  }
}

const execute = promisify(execFile)

export class Cluster {
  private constructor(
    readonly folder: string,
    readonly port: number,
  ) {}

  static async start(): Promise<Cluster> {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-cluster-'))
    // PostgreSQL does not run as root; whoever it runs as makes its own folder in this one.
    chmodSync(folder, 0o777)
    const cluster = new Cluster(folder, await freePort())
    await cluster.#run('initdb', '-D', cluster.#data, '-U', 'postgres', '-A', 'trust')
    await cluster.#control('start')
    return cluster
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`
  }

  get #data(): string {
    return path.join(this.folder, 'data')
  }

  /** `fast`: ends what is under way, writes everything, and begins anew. `immediate`: as if the machine had failed. */
  restart(mode: 'fast' | 'immediate'): Promise<void> {
    return this.#control('restart', '-m', mode)
  }

  async drop(): Promise<void> {
    await this.#run('pg_ctl', '-D', this.#data, '-m', 'immediate', 'stop').catch(() => {})
    rmSync(this.folder, { recursive: true, force: true })
  }

  #control(action: string, ...more: string[]): Promise<void> {
    const settings = ['listen_addresses=127.0.0.1', `port=${this.port}`, `unix_socket_directories=${this.folder}`].map((setting) => `-c ${setting}`).join(' ')
    return this.#run('pg_ctl', '-w', '-D', this.#data, '-l', path.join(this.folder, 'log'), '-o', settings, action, ...more)
  }

  async #run(program: string, ...args: string[]): Promise<void> {
    const command = [path.join(bin!, program), ...args]
    const [file, ...given] = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', ...command] : command
    await execute(file!, given, { cwd: this.folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
