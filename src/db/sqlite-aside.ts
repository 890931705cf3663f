/**
 * Reads of a SQLite file that may take seconds: in a thread of their own, for the driver is synchronous, and the process could do
 * nothing else meanwhile. One at a time, in turn. The thread is there from the first such read on, and keeps no process alive.
 */
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { getLoadablePath } from 'sqlite-vec'
import { asAdapterError } from './sqlite-errors.ts'
import { FifoLock } from './sqlite-lock.ts'
import { bind, declaredType, type Stored, toPlain } from './sqlite-values.ts'

/** Plain text, because a thread that is started from a file needs the file's loader. */
const READER = `
const { parentPort, workerData } = require('node:worker_threads')
const db = new (require(workerData.libsql))(workerData.file, { timeout: 1000 })
if (workerData.extension) try { db.loadExtension(workerData.extension) } catch {}
for (const pragma of ['query_only = ON', 'temp_store = MEMORY', 'cache_size = -16000']) db.prepare('PRAGMA ' + pragma).all()
parentPort.on('message', ({ sql, values }) => {
  try {
    const statement = db.prepare(sql)
    statement.safeIntegers(true)
    statement.raw(true)
    parentPort.postMessage({ columns: statement.columns().map(({ name, type }) => ({ name, type })), rows: statement.all(values) })
  } catch ({ code, rawCode, message }) {
    parentPort.postMessage({ error: { code, rawCode, message } })
  }
})`

interface Answer {
  columns: { name: string; type: string | null }[]
  rows: Stored[][]
  error?: { code?: string; rawCode?: number; message: string }
}

export class SqliteAside {
  readonly #turn = new FifoLock()
  #thread: Worker | null = null
  #isClosed = false

  constructor(readonly file: string) {}

  async rows<T>(sql: string, values: readonly unknown[]): Promise<T[]> {
    const release = await this.#turn.acquire()
    try {
      const { columns, rows, error } = await this.#ask({ sql, values: values.map((value) => bind(value)) })
      if (error) throw asAdapterError(Object.assign(new Error(error.message), error))
      const types = columns.map(({ type }) => declaredType(type))
      return rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, toPlain(row[i]!, types[i])])) as T)
    } finally {
      release()
    }
  }

  /** What is being read is not answered any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#thread?.terminate()
  }

  #ask(question: { sql: string; values: unknown[] }): Promise<Answer> {
    if (this.#isClosed) throw new Error('The database is closed.')
    const thread = this.#thread ?? this.#begin()
    thread.ref()
    return new Promise<Answer>((resolve, reject) => {
      const failed = (error: unknown) => reject(error instanceof Error ? error : new Error('The thread that reads aside has ended.'))
      thread.once('message', (answer: Answer) => {
        thread.off('error', failed).off('exit', failed)
        resolve(answer)
      })
      thread.once('error', failed).once('exit', failed)
      thread.postMessage(question)
    }).finally(() => thread.unref())
  }

  #begin(): Worker {
    const libsql = createRequire(import.meta.url).resolve('libsql')
    const thread = new Worker(READER, { eval: true, execArgv: [], env: {}, workerData: { libsql, file: this.file, extension: vectorExtension() } })
    this.#thread = thread
    // One that broke is followed by another, with the next read.
    const gone = () => {
      if (this.#thread === thread) this.#thread = null
    }
    thread.on('error', gone).on('exit', gone)
    return thread
  }
}

/** Distances of vectors (`sqlite-vec`), where there is a build for this machine; whoever needs them asks whether they are there. */
function vectorExtension(): string | null {
  try {
    return getLoadablePath()
  } catch {
    return null
  }
}
