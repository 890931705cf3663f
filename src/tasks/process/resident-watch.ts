import { readFile } from 'node:fs/promises'

const LOOK_EVERY_MS = 200

/**
 * Looks five times a second how much of a process is in RAM, and tells once when that is more than it may. Where the system does
 * not tell (Linux does), nothing is watched. Answers the function that ends the watch.
 */
export function watchResident(pid: number | undefined, maxMb: number, onTooMuch: () => void): () => void {
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null)
    if (status === null) return clearInterval(timer)
    const residentKb = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
    if (residentKb <= maxMb * 1024) return
    clearInterval(timer)
    onTooMuch()
  }, LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
