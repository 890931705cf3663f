/**
 * Python in CPython, compiled to WebAssembly with its standard library inside. All that a snippet can reach is the memory of that
 * interpreter and the functions below (WASI): a clock, random numbers, printing, and two folders that exist only here.
 */
import { ConsoleStdout, File, OpenFile, PreopenDirectory, WASI, WASIProcExit, wasi as words } from '@bjorn3/browser_wasi_shim'
import { writeAll } from '../process/write-all.ts'
import { PYTHON_MAIN } from './python-main.ts'
import { MAX_VALUE_BYTES, SNIPPET_NAME, type Snippet, type SnippetEnd } from './snippet.ts'
import { interpreterFailed, neededMemory, nestedTooDeep, valueTooLarge } from './snippet-errors.ts'

/** As after a crash: what the interpreter ends with when it cannot even raise MemoryError. */
const ABORTED = 134

export async function runPython(interpreter: WebAssembly.Module, { code, input, memoryMb }: Snippet): Promise<SnippetEnd> {
  const job = new OpenFile(new File(Buffer.from(JSON.stringify({ name: `${SNIPPET_NAME}.py`, code, input }))))
  const endFile = new File([])
  const wasi = new WASI(
    // Isolated, without site-packages, without writing bytecode, in UTF-8.
    ['python', '-I', '-S', '-B', '-X', 'utf8', '-c', PYTHON_MAIN],
    [],
    [
      job,
      new ConsoleStdout((bytes) => writeAll(1, bytes)),
      new ConsoleStdout((bytes) => writeAll(2, bytes)),
      new PreopenDirectory('/tmp', new Map()),
      new PreopenDirectory('/run', new Map([['end.json', endFile]])),
    ],
    { debug: false },
  )
  const instance = await WebAssembly.instantiate(interpreter, { wasi_snapshot_preview1: fenced(wasi, interpreter) })
  const { memory } = instance.exports as { memory: WebAssembly.Memory }
  const roomBytes = memory.buffer.byteLength + memoryMb * 1_048_576
  const isFull = () => memory.buffer.byteLength > roomBytes - 2 * 1_048_576
  let exitCode: number
  try {
    exitCode = wasi.start(instance as unknown as Parameters<WASI['start']>[0])
  } catch (error) {
    if (isFull()) throw neededMemory(memoryMb)
    if (error instanceof RangeError) throw nestedTooDeep()
    if (error instanceof WebAssembly.RuntimeError) throw interpreterFailed(error.message)
    throw error
  }
  if (exitCode === ABORTED && isFull()) throw neededMemory(memoryMb)
  return { exitCode, ...endOf(endFile, memoryMb) }
}

function endOf(file: File, memoryMb: number): Omit<SnippetEnd, 'exitCode'> {
  if (!file.data.length) return {}
  try {
    const end = JSON.parse(Buffer.from(file.data).toString()) as { json?: string; omitted?: string; memory?: boolean }
    if (end.memory) throw neededMemory(memoryMb)
    if (end.json === undefined) return { valueOmitted: String(end.omitted) }
    if (Buffer.byteLength(end.json) > MAX_VALUE_BYTES) throw valueTooLarge()
    return { value: JSON.parse(end.json) }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { valueOmitted: 'the snippet wrote something else in its place' }
  }
}

/** The functions that the interpreter asks for. What they cannot do is an error of the operating system to it, not its end. */
function fenced(wasi: WASI, interpreter: WebAssembly.Module): WebAssembly.ModuleImports {
  const functions: Record<string, Perform> = { ...wasi.wasiImport, poll_oneoff: sleepOf(wasi) }
  const guarded =
    (perform: Perform): Perform =>
    (...args) => {
      try {
        return perform(...args)
      } catch (error) {
        if (error instanceof WASIProcExit) throw error
        return error instanceof RangeError ? words.ERRNO_NOSPC : words.ERRNO_NOTSUP
      }
    }
  const asked = WebAssembly.Module.imports(interpreter).map(({ name }) => name)
  return Object.fromEntries(asked.map((name) => [name, guarded(functions[name] ?? (() => words.ERRNO_NOSYS))]))
}

type Perform = (...args: number[]) => unknown

/** Where the parts of a subscription to a clock stand in the interpreter's memory. */
const CLOCK = { userdata: 0, tag: 8, id: 16, timeoutNs: 24, flags: 40 }

/** To wait for a clock, without keeping the processor busy meanwhile; there is nothing else to wait for. (The shim's own would, and takes a moment for a duration.) */
const sleepOf =
  (wasi: WASI): Perform =>
  (from, to, count) => {
    const view = new DataView(wasi.inst.exports.memory.buffer)
    if (count !== 1 || view.getUint8(from! + CLOCK.tag) !== words.EVENTTYPE_CLOCK) return words.ERRNO_NOTSUP
    const isMoment = view.getUint16(from! + CLOCK.flags, true) & words.SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME
    const now = view.getUint32(from! + CLOCK.id, true) === words.CLOCKID_REALTIME ? Date.now() : performance.now()
    const ms = Number(view.getBigUint64(from! + CLOCK.timeoutNs, true)) / 1e6 - (isMoment ? now : 0)
    if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    new words.Event(view.getBigUint64(from! + CLOCK.userdata, true), words.ERRNO_SUCCESS, words.EVENTTYPE_CLOCK).write_bytes(view, to!)
    return words.ERRNO_SUCCESS
  }
