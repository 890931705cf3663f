/**
 * A process that is trusted with nothing, beside what its program keeps from whoever runs inside it.
 *
 * Node's permission model denies it every file and every process; the machine, where it can, takes away the network, rights, and
 * more memory and time than it needs. Each is a fence of its own behind the program's.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Command } from './start-process.ts'

export interface Confined {
  /** A module of JavaScript, whole: it can load nothing but what Node itself brings. */
  program: string
  files: string[]
  nodeArgs: string[]
  heapMb: number
  /** Of memory of its own, in RAM or not, beyond what Node takes for itself. */
  dataMb: number
  /** Of processor time, over all its threads. */
  cpuSeconds: number
}

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/local/sbin']

/** Commands that take something away and then become what follows them. */
const FENCES = {
  // In a user namespace of its own, where it is nobody, without a network interface that is up.
  unshare: () => ['--user', '--net', '--ipc', '--uts', '--'],
  prlimit: ({ dataMb, cpuSeconds }: Pick<Confined, 'dataMb' | 'cpuSeconds'>) => [
    ...['--core=0', '--fsize=0', '--nofile=64', `--cpu=${cpuSeconds}:${cpuSeconds + 5}`, `--data=${dataMb * 1_048_576}`],
    '--',
  ],
  // It ends with the server, whatever it is at.
  setpriv: () => ['--no-new-privs', '--pdeathsig', 'KILL', '--'],
}
type Fence = keyof typeof FENCES

export interface Machine {
  /** Which of the fences it has and allows, and where. */
  fences: Map<Fence, string>
  /** What Node counts for before it does anything. */
  nodeMb: number
}

const PERMISSION = ['--permission', '--experimental-permission'].find((flag) => process.allowedNodeEnvironmentFlags.has(flag))

/** Why nothing can be confined here; null where it can. */
export function unconfinableBecause(): string | null {
  if (process.platform === 'win32') return 'it needs Linux or macOS'
  return PERMISSION ? null : 'this Node has no permission model'
}

export async function confinedCommand(confined: Confined, machine?: Machine): Promise<Command> {
  const { program, files, nodeArgs, heapMb, dataMb, cpuSeconds } = confined
  const { fences, nodeMb } = machine ?? (await machineLookedAt())
  const node = [process.execPath, ...permissionArgs(fences), '--disallow-code-generation-from-strings', `--max-old-space-size=${heapMb}`, ...nodeArgs]
  const within = { dataMb: nodeMb + dataMb, cpuSeconds }
  return { argv: [...[...fences].flatMap(([fence, file]) => [file, ...FENCES[fence](within)]), ...node, '--input-type=module', '-'], program, files }
}

/**
 * No files, no processes, no threads: a thread could leave the permissions of its process behind. Only where nothing else ends the
 * process with the server it is allowed the one that does.
 */
const permissionArgs = (fences: Map<Fence, string>) => [PERMISSION!, '--no-warnings', ...(fences.has('setpriv') ? [] : ['--allow-worker'])]

let lookedAt: Promise<Machine> | undefined

/** This machine; looked at once. */
export function machineLookedAt(): Promise<Machine> {
  lookedAt ??= look()
  return lookedAt
}

async function look(): Promise<Machine> {
  const fences = new Map<Fence, string>()
  for (const fence of Object.keys(FENCES) as Fence[]) {
    const file = FOLDERS.map((folder) => path.join(folder, fence)).find(existsSync)
    // Node itself is tried, because it must be able to start behind the fence.
    if (file && (await said(file, [...FENCES[fence]({ dataMb: 4096, cpuSeconds: 60 }), process.execPath, '--version']))) fences.set(fence, file)
  }
  const dataKb = /VmData:\s+(\d+)/.exec(
    await said(process.execPath, ['-e', fences.has('setpriv') ? MEASURE : `${LISTENER}.on('online', () => { ${MEASURE} })`]),
  )
  // A limit that is not measured could be less than Node itself needs.
  if (!dataKb) fences.delete('prlimit')
  return { fences, nodeMb: Math.ceil(Number(dataKb?.[1] ?? 0) / 1024) }
}

/** Node 24 reserves half a gigabyte for each of its threads that runs JavaScript, which counts though it is not used. */
const MEASURE = `console.log(require('node:fs').readFileSync('/proc/self/status', 'utf8')); process.exit()`
const LISTENER = `new (require('node:worker_threads').Worker)('setInterval(() => {}, 1000)', { eval: true })`

/** What a command prints; nothing where it fails. */
const said = (file: string, args: string[]): Promise<string> =>
  promisify(execFile)(file, args, { env: {}, cwd: '/', timeout: 30_000 }).then(
    ({ stdout }) => stdout,
    () => '',
  )
