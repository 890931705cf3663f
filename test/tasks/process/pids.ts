import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { vi } from 'vitest'

/** Whether there is such a process; one that has ended and that nobody has asked about yet does not count. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return process.platform !== 'linux'
  }
}

/** Another process's end is no event here: it can only be looked for. */
export const whenGone = (pid: number): Promise<void> => vi.waitUntil(() => !isRunning(pid), { timeout: 10_000, interval: 20 }).then(() => {})

/** All that a process has started and that has not ended. */
export const childrenOf = (pid: number): number[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!)
    .filter(isRunning)
