/** What a window of a file holds: its whole rows, each as a document or as what is wrong with it. */
import { z } from 'zod'
import { given } from '../core/input.ts'
import type { DocumentInput } from './document.ts'
import { content, externalId, metadata, tags, title } from './document-rules.ts'

export type ImportRow = { document: DocumentInput } | { fault: string }

export interface Window {
  bytes: Buffer
  /** Whether the file begins, and ends, with it. */
  isFirst: boolean
  isLast: boolean
  /** How many rows may be taken at most. */
  limit: number
  /** What the window before has left. */
  state: unknown
  /** What the file is called. */
  name: string | null
}

export interface Taken {
  rows: ImportRow[]
  /** How many bytes they took, with the ends of their lines. */
  bytes: number
  state: unknown
}

const rules = z.object({ externalId, title, content, metadata: given(metadata), tags: given(tags) })

/** What was read, as a document; or what is wrong with it. */
export function toRow(found: { externalId?: unknown; title?: unknown; content?: unknown; metadata?: unknown; tags?: unknown }): ImportRow {
  const parsed = rules.safeParse({ ...found, externalId: typeof found.externalId === 'number' ? String(found.externalId) : found.externalId })
  if (parsed.success) return { document: parsed.data }
  const [issue] = parsed.error.issues
  const message = issue!.path[0] === 'content' && found.content === undefined ? 'Is not there' : issue!.message
  return { fault: `${issue!.path.join('.')}: ${message}` }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** The text of bytes; null where they are not UTF-8, or hold what no text does. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    const text = UTF8.decode(bytes)
    return text.includes('\u0000') ? null : text
  } catch {
    return null
  }
}

const BOM = Buffer.from([0xef, 0xbb, 0xbf])
export const bomIn = (bytes: Buffer): number => (bytes.subarray(0, 3).equals(BOM) ? 3 : 0)

/** What files begin with that are no text at all. */
const MAGIC: [string, string][] = [
  ['PK\u0003\u0004', 'a ZIP archive, or an Office document'],
  ['%PDF-', 'a PDF'],
  ['\u001f\u008b', 'a gzip archive'],
  ['\u0089PNG', 'a picture'],
  ['\u00ff\u00d8\u00ff', 'a picture'],
  ['GIF8', 'a picture'],
]

export const kindOf = (bytes: Buffer): string | null =>
  MAGIC.find(([begin]) => bytes.subarray(0, begin.length).equals(Buffer.from(begin, 'latin1')))?.[1] ?? null
