/** The program of the process that runs a snippet: bundled by `snippet-program.ts`, confined by `process/confinement.ts`. */
import { readFileSync } from 'node:fs'
import { GIVEN_FILES } from '../process/messages.ts'
import { serveTask } from '../process/serve-task.ts'
import { runJavaScript } from './javascript.ts'
import { runPython } from './python.ts'
import type { Snippet } from './snippet.ts'

serveTask(async () => {
  const interpreter = await WebAssembly.compile(readFileSync(GIVEN_FILES))
  return async ({ params }) => {
    const snippet = params as Snippet
    return { result: await (snippet.language === 'python' ? runPython : runJavaScript)(interpreter, snippet) }
  }
})
