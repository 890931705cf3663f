/** Starting more of this program: another of its files in a process of its own, from the sources or compiled. */
import { createRequire } from 'node:module'
import os from 'node:os'
import { pathToFileURL } from 'node:url'

/** The file of that name beside the caller, of the same kind as the caller: `.ts`, or `.js` once compiled. */
export const fileBeside = (callerUrl: string, name: string): URL => new URL(`./${name}${callerUrl.endsWith('.ts') ? '.ts' : '.js'}`, callerUrl)

/** What Node is to be told so that it can run the file. */
export const loaderArgs = (file: URL): string[] =>
  file.pathname.endsWith('.ts') ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : []

/** From outside and at once, because threads inherit it from the one that starts them: the process's own first line would come too late. */
export function lowerPriority(pid: number | undefined, niceness: number): void {
  try {
    if (pid !== undefined) os.setPriority(pid, niceness)
  } catch {
    // Not permitted here, or the process is gone already: then its exit tells.
  }
}
