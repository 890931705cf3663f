/**
 * The text of a page of HTML: in a thread of its own, for a page that is meant to may keep the library busy for a long time, or fill the
 * memory; then the thread is ended.
 */
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { FileUnreadable } from './search-errors.ts'

export interface PageText {
  title: string | null
  text: string
}

const TIMEOUT_MS = 30_000
const MAX_MEMORY_MB = 256

/** Plain text, because a thread that is started from a file needs the file's loader. */
const READER = `
const { parentPort, workerData } = require('node:worker_threads')
const { convert } = require(workerData.library)
const options = {
  wordwrap: false,
  limits: { maxInputLength: 20_000_000, maxDepth: 200, maxChildNodes: 200_000, ellipsis: '' },
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'skip' },
    { selector: 'script', format: 'skip' },
    { selector: 'style', format: 'skip' },
    { selector: 'title', format: 'skip' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
    { selector: 'table', options: { uppercaseHeaderCells: false } },
  ],
}
const [, title] = /<title[^>]*>([^<]{0,2000})<\\/title>/i.exec(workerData.html) ?? []
parentPort.postMessage({ title: title ? convert(title, options).trim() : null, text: convert(workerData.html, options) })`

export function htmlText(html: string, signal: AbortSignal): Promise<PageText> {
  const library = createRequire(import.meta.url).resolve('html-to-text')
  return new Promise((resolve, reject) => {
    const thread = new Worker(READER, { eval: true, workerData: { html, library }, resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MB } })
    const end = (then: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      void thread.terminate()
      then()
    }
    const refuse = (why: string) => end(() => reject(new FileUnreadable(`This page cannot be read: ${why}.`)))
    const onAbort = () => end(() => reject(signal.reason))
    const timer = setTimeout(() => refuse(`it takes longer than ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS)
    signal.addEventListener('abort', onAbort)
    thread.once('message', (page: PageText) => end(() => resolve(page)))
    thread.once('error', (error: Error & { code?: string }) =>
      refuse(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it takes too much memory' : error.message.slice(0, 200)),
    )
  })
}
