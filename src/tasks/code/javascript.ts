/**
 * JavaScript in QuickJS, an interpreter compiled to WebAssembly. All that a snippet can reach is the memory of that interpreter, a
 * clock, random numbers, and one function of this side, which prints.
 */
import { EvalFlags, JSException, type JSValueHandle, QuickJS } from 'quickjs-wasi'
import { writeAll } from '../process/write-all.ts'
import { PRELUDE } from './javascript-prelude.ts'
import { MAX_VALUE_BYTES, SNIPPET_NAME, type Snippet, type SnippetEnd } from './snippet.ts'
import { interpreterFailed, neededMemory, nestedTooDeep, valueTooLarge } from './snippet-errors.ts'

/** Of the interpreter's own stack. The process's holds more, so that the snippet meets the end of this one, as an error it can catch. */
const STACK_BYTES = 256 * 1024
/** As Node ends when what is awaited can never come. */
const NEVER_SETTLED = 13

export async function runJavaScript(interpreter: WebAssembly.Module, snippet: Snippet): Promise<SnippetEnd> {
  let told: string
  try {
    const end = await run(interpreter, snippet)
    if (typeof end !== 'string') return end
    told = end
  } catch (error) {
    if (error instanceof RangeError) throw nestedTooDeep()
    if (error instanceof WebAssembly.RuntimeError) throw interpreterFailed(error.message)
    throw error
  }
  if (told.startsWith('InternalError: out of memory')) throw neededMemory(snippet.memoryMb)
  writeAll(2, Buffer.from(`Uncaught ${told}\n`))
  return { exitCode: 1 }
}

/** Answers the end of the snippet, or what was thrown, in words. */
async function run(wasm: WebAssembly.Module, { code, input, memoryMb }: Snippet): Promise<SnippetEnd | string> {
  const rejected = new Map<number, JSValueHandle>()
  const vm = await QuickJS.create({
    wasm,
    memoryLimit: memoryMb * 1_048_576,
    maxStackSize: STACK_BYTES,
    timezoneOffset: 0,
    onUnhandledRejection(promise, reason, isHandled) {
      if (isHandled) rejected.delete(promise.identity)
      else rejected.set(promise.identity, reason.dup())
    },
  })
  const print = vm.newFunction('print', (fd, text) => {
    writeAll(fd!.toNumber() === 2 ? 2 : 1, Buffer.from(text!.toString()))
    return vm.undefined
  })
  const prelude = vm.callFunction(vm.evalCode(PRELUDE), vm.undefined, print, vm.newString(input === undefined ? '' : JSON.stringify(input)))
  const call = (name: string, ...args: JSValueHandle[]) => vm.callFunction(prelude.getProp(name), vm.undefined, ...args)
  try {
    call('watch', vm.evalCode(code, `${SNIPPET_NAME}.js`, EvalFlags.ASYNC))
    for (let waitMs = 0; waitMs >= 0; waitMs = call('next').toNumber()) {
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
      vm.executePendingJobs()
      for (const reason of rejected.values()) return call('describe', reason).toString()
    }
    return endOf(call('end').toString())
  } catch (error) {
    if (error instanceof JSException) return call('describe', error.handle).toString()
    const [, thrownInJob] = /^Job execution error: (.*)/s.exec((error as Error).message) ?? []
    if (thrownInJob === undefined) throw error
    return thrownInJob
  }
}

function endOf(told: string): SnippetEnd | string {
  const end = JSON.parse(told) as { never?: boolean; error?: string; json?: string; omitted?: string }
  if (end.error !== undefined) return end.error
  if (end.never) {
    writeAll(2, Buffer.from('The snippet awaits what can never come.\n'))
    return { exitCode: NEVER_SETTLED }
  }
  if (end.json === undefined) return { exitCode: 0, ...(end.omitted !== undefined && { valueOmitted: end.omitted }) }
  if (Buffer.byteLength(end.json) > MAX_VALUE_BYTES) throw valueTooLarge()
  return { exitCode: 0, value: JSON.parse(end.json) }
}
