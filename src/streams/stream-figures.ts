/** What happened to streams, as this process has committed it. */
import { counter } from '../core/figures.ts'
import { registerCommitted } from '../events/committed.ts'
import type { NewChunk } from './stream.ts'

const opened = counter({ name: 'holdfast_streams_opened', help: 'Streams opened.' })
const ended = counter({ name: 'holdfast_streams_ended', help: 'Streams that ended, by how they did.', labels: ['status'] })
const chunks = counter({ name: 'holdfast_stream_chunks', help: 'Chunks written.' })
const characters = counter({ name: 'holdfast_stream_characters', help: 'Characters in these chunks.' })

const FINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED'].map((status) => `STREAM_${status}`)

registerCommitted('STREAM_', ({ kind }) => {
  if (kind === 'STREAM_OPENED') opened.of().add()
  else if (FINAL.includes(kind)) ended.of(kind.slice('STREAM_'.length)).add()
})

/** Chunks are no events. Told within their transaction: what must be run again counts again. */
export function chunksWritten(written: readonly NewChunk[]): void {
  chunks.of().add(written.length)
  let length = 0
  for (const { content } of written) length += content.length
  characters.of().add(length)
}
