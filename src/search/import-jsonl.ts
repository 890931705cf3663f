import { bomIn, type ImportRow, type Taken, textOf, toRow, type Window } from './import-rows.ts'
import { FileUnreadable } from './search-errors.ts'

const NEWLINE = 0x0a

/** Lines of JSON, a document each. What else is in a line than what a document has goes into its metadata. */
export function takeJsonl({ bytes, isFirst, isLast, limit }: Window): Taken {
  const rows: ImportRow[] = []
  let at = isFirst ? bomIn(bytes) : 0
  while (at < bytes.length && rows.length < limit) {
    const found = bytes.indexOf(NEWLINE, at)
    if (found < 0 && !isLast) break
    const end = found < 0 ? bytes.length : found
    const line = textOf(bytes.subarray(at, end))
    at = found < 0 ? end : end + 1
    if (line?.trim() === '') continue
    const row = rowOf(line)
    if (isFirst && !rows.length && 'fault' in row && row.fault.startsWith(NO_JSON))
      throw new FileUnreadable('This is no JSONL: its first line is no JSON object.')
    rows.push(row)
  }
  return { rows, bytes: at, state: null }
}

const NO_JSON = 'Is no JSON object'

function rowOf(line: string | null): ImportRow {
  if (line === null) return { fault: 'Is not UTF-8, or holds null characters' }
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    return { fault: `${NO_JSON}: ${(error as Error).message.slice(0, 200)}` }
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { fault: NO_JSON }
  if (isTooDeep(value, 0)) return { fault: 'Is more than 32 levels deep' }
  const { externalId, id, title, content, text, metadata, tags, ...more } = value as Record<string, unknown>
  const hasMore = Object.keys(more).length > 0
  const known = metadata === null || metadata === undefined ? {} : metadata
  return toRow({
    externalId: externalId ?? id,
    title,
    content: content ?? text,
    metadata: hasMore && typeof known === 'object' && !Array.isArray(known) ? { ...more, ...known } : known,
    tags,
  })
}

const MAX_DEPTH = 32

function isTooDeep(value: unknown, depth: number): boolean {
  if (depth > MAX_DEPTH) return true
  return value !== null && typeof value === 'object' && Object.values(value).some((part) => isTooDeep(part, depth + 1))
}
