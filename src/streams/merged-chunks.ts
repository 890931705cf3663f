/**
 * Chunks of a closed stream lie together in few rows: neighbours of one kind, their bytes end to end, with how many each had and when
 * it was committed. Every chunk is still found by its seq, with its own content; nobody who reads can tell.
 */
import { fromJson } from '../db/statement-values.ts'
import type { Chunk, ChunkKind } from './stream.ts'

/** A merged row holds at most so much: whoever wants one of its chunks reads it whole. */
export const MERGED_BYTES = 32_000
const MERGED_CHUNKS = 1000

export interface ChunkRow {
  seq: number
  kind: ChunkKind
  content: Uint8Array
  createdAtMs: number
  /** Null: a row of one chunk. */
  throughSeq: number | null
  merged: Merged | string | null
}

/** Of each chunk in turn. Times are counted from that of the row, which is the first chunk's. */
export interface Merged {
  bytes: number[]
  createdAtMs: number[]
}

const utf8 = (content: Uint8Array, from = 0, to = content.byteLength): string =>
  Buffer.from(content.buffer, content.byteOffset + from, to - from).toString('utf8')

/** The chunks of rows in order, those after a seq: at most `limit`, and no further one once `bytes` are passed. */
export function chunksOf(rows: readonly ChunkRow[], afterSeq: number, { limit, bytes }: { limit: number; bytes: number }): Chunk[] {
  const chunks: Chunk[] = []
  let taken = 0
  /** Whether there is room for more. */
  const take = (seq: number, size: number, chunk: () => Chunk): boolean => {
    if (seq <= afterSeq) return true
    if (chunks.length >= limit || taken >= bytes) return false
    taken += size
    chunks.push(chunk())
    return true
  }
  for (const row of rows) {
    const { seq, kind, content, createdAtMs } = row
    if (row.throughSeq === null) {
      if (!take(seq, content.byteLength, () => ({ seq, kind, content: utf8(content), createdAtMs }))) return chunks
      continue
    }
    const merged = fromJson<Merged>(row.merged)
    let from = 0
    for (const [i, size] of merged.bytes.entries()) {
      const start = from
      from += size
      const made = () => ({ seq: seq + i, kind, content: utf8(content, start, start + size), createdAtMs: createdAtMs + merged.createdAtMs[i]! })
      if (!take(seq + i, size, made)) return chunks
    }
  }
  return chunks
}

/** Neighbours that shall become one row. */
export interface Group {
  kind: ChunkKind
  rows: ChunkRow[]
  bytes: number
  /** Nothing can be added to it. */
  full: boolean
}

/** Puts neighbours together, as far as they fit. `mayMerge`: not what is merged already, or has a content type of its own. */
export function grouped(rows: readonly ChunkRow[], mayMerge: (row: ChunkRow) => boolean): Group[] {
  const groups: Group[] = []
  for (const row of rows) {
    const last = groups.at(-1)
    const bytes = row.content.byteLength
    const fits = last && !last.full && last.kind === row.kind && mayMerge(row) && last.bytes + bytes <= MERGED_BYTES && last.rows.length < MERGED_CHUNKS
    if (fits) {
      last.rows.push(row)
      last.bytes += bytes
    } else {
      if (last) last.full = true
      groups.push({ kind: row.kind, rows: [row], bytes, full: !mayMerge(row) })
    }
  }
  return groups
}

/** The row that takes the place of a group's rows. */
export function mergedRow({ rows }: Group): { seq: number; throughSeq: number; content: Uint8Array; merged: Merged } {
  const [first] = rows
  return {
    seq: first!.seq,
    throughSeq: rows.at(-1)!.seq,
    content: Buffer.concat(rows.map(({ content }) => content)),
    merged: { bytes: rows.map(({ content }) => content.byteLength), createdAtMs: rows.map(({ createdAtMs }) => createdAtMs - first!.createdAtMs) },
  }
}
