import type { Readable } from 'node:stream'

/** What comes over a pipe. What goes wrong with a pipe is seen by the end of its process: here it just ends. */
export async function* partsOf<Part>(source: Readable): AsyncGenerator<Part, void, void> {
  const parts = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await parts.next().catch(() => ({ done: true as const, value: undefined }))
      if (next.done) return
      yield next.value as Part
    }
  } finally {
    source.destroy()
  }
}

/** Its lines. Throws at one that is longer than `maxBytes`, before it is held. */
export async function* linesOf(source: Readable, maxBytes: number): AsyncGenerator<string, void, void> {
  let parts: Buffer[] = []
  let size = 0
  for await (const bytes of partsOf<Buffer>(source)) {
    let from = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      parts.push(bytes.subarray(from, end))
      yield Buffer.concat(parts).toString()
      parts = []
      size = 0
      from = end + 1
    }
    const rest = bytes.subarray(from)
    size += rest.length
    if (size > maxBytes) throw new Error(`A line is longer than ${maxBytes} bytes.`)
    parts.push(rest)
  }
}
