/** The programs that others have written and that Holdfast is compared with: `bench/peers`, on the Node that they want. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { type Child, startChild } from './child.ts'

const FOLDER = path.join(import.meta.dirname, '../peers')
const NODE = path.join(FOLDER, 'node_modules/node/bin/node')

/** Installs them on first use, and again when their versions have changed. Nothing of it becomes part of Holdfast. */
export function installPeers(): void {
  const { dependencies } = JSON.parse(readFileSync(path.join(FOLDER, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  const installed = (name: string) => {
    const file = path.join(FOLDER, 'node_modules', name, 'package.json')
    return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === dependencies[name]
  }
  if (existsSync(NODE) && Object.keys(dependencies).every(installed)) return
  console.log('Installing the peers into bench/peers …')
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: FOLDER, stdio: 'inherit' })
  if (status !== 0 || !existsSync(NODE)) throw new Error('The peers could not be installed.')
}

/** Starts one of them, and waits for the line that holds the key. */
export const startPeer = (file: string, env: Record<string, string>, key: string): Promise<Child> => startChild(`bench/peers/${file}`, env, key, NODE)
