import { z } from 'zod'
import { json, whole } from '../../core/input.ts'
import type { Snippet, SnippetEnd } from '../code/snippet.ts'
import { neededMemory, SnippetsUnavailable, tookTooLong } from '../code/snippet-errors.ts'
import { KEPT_CHARACTERS, SnippetOutput } from '../code/snippet-output.ts'
import { interpreterOf, snippetProgram } from '../code/snippet-program.ts'
import { confinedCommand, unconfinableBecause } from '../process/confinement.ts'
import { ProcessFailed } from '../process/process-errors.ts'
import { runInProcess } from '../process/run-in-process.ts'
import type { TaskType } from '../task-type.ts'

const MAX_CODE_BYTES = 100_000
const MAX_INPUT_BYTES = 150_000
/** WebAssembly's memory comes in pages of 64 KiB. */
const PAGES_IN_MB = 16
/** What the interpreters have before a snippet runs: their own data, and with Python the standard library. */
const OWN_PAGES = { javascript: 64, python: 160 }
/** What Node and the interpreter take besides the snippet's memory: code, machine code, threads. */
const BESIDES_MB = 256
/** Of Node's own. An interpreter's memory counts half against it: with less, Node would collect garbage whenever a snippet takes a little more. */
const heapOf = (memoryMb: number) => 64 + 2 * memoryMb

const ENGINE_ARGS = {
  // A snippet's loop runs in one call of the interpreter, which would never leave the fast compiler's slow code. The stack: see `javascript.ts`.
  javascript: ['--no-liftoff', '--stack-size=3900'],
  // Compiling all of Python well takes longer than most snippets run.
  python: ['--stack-size=3900'],
}

export const codeRunParams = z.strictObject({
  language: z.enum(['javascript', 'python']).describe('JavaScript (ECMAScript 2023, in QuickJS) or Python (3.12, with its standard library).'),
  code: z
    .string()
    .min(1, 'Must not be empty')
    .refine((code) => Buffer.byteLength(code) <= MAX_CODE_BYTES, `Must have at most ${MAX_CODE_BYTES} bytes`)
    .describe('The snippet. What its last expression is becomes the value of the result.'),
  input: json(MAX_INPUT_BYTES).describe('What the snippet finds in its variable `input`.'),
  timeoutSeconds: whole(1, 300).default(30).describe('How long it may run.'),
  memoryMb: whole(16, 512).default(128).describe('How much memory it may take, beyond what its interpreter has.'),
})

export type CodeRunParams = z.infer<typeof codeRunParams>

/** Runs a snippet that nobody has to trust: what keeps it in is said in `process/README.md`. */
export const codeRun = (): TaskType<CodeRunParams> => ({
  name: 'code.run',
  description: `Runs a snippet of JavaScript or Python without network, files of this machine, environment and other processes. What it prints arrives in the task’s stream (standard output as TEXT, standard error as DATA: {"stderr": …}); the result holds exitCode, value (of the last expression, as JSON), stdout and stderr, each cut at ${KEPT_CHARACTERS} characters.`,
  params: codeRunParams,
  streams: true,
  runs: 'process',
  async run(task) {
    const { language, code, input, timeoutSeconds, memoryMb } = task.params
    const reason = unconfinableBecause()
    if (reason) throw new SnippetsUnavailable(reason)
    const heapMb = heapOf(memoryMb)
    const command = await confinedCommand({
      program: await snippetProgram(),
      files: [interpreterOf(language)],
      nodeArgs: [`--wasm-max-mem-pages=${OWN_PAGES[language] + memoryMb * PAGES_IN_MB}`, ...ENGINE_ARGS[language]],
      heapMb,
      dataMb: memoryMb + 2 * BESIDES_MB,
      // The compiler works beside the snippet.
      cpuSeconds: 2 * timeoutSeconds + 30,
    })
    const output = new SnippetOutput(await task.openStream({}))
    const snippet: Snippet = { language, code, input, memoryMb }
    try {
      const { result } = await runInProcess(
        { ...task, params: snippet },
        {
          command,
          module: null,
          limits: { heapMb, residentMb: memoryMb + BESIDES_MB, seconds: timeoutSeconds },
          graceMs: 0,
          printed: (from, text) => output.take(from, text),
        },
      )
      return { result: { ...(result as SnippetEnd), ...output.result } }
    } catch (error) {
      if (error instanceof ProcessFailed && error.fault === 'MEMORY') throw neededMemory(memoryMb)
      if (error instanceof ProcessFailed && error.fault === 'TIME') throw tookTooLong(timeoutSeconds)
      throw error
    }
  },
})
