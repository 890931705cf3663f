import { parse } from 'csv-parse/sync'
import { bomIn, type ImportRow, type Taken, textOf, toRow, type Window } from './import-rows.ts'
import { FileUnreadable } from './search-errors.ts'

/** What the first line has said. */
interface Header {
  delimiter: string
  columns: string[]
}

const DELIMITERS = [',', ';', '\t', '|']
const QUOTE = 0x22
const NEWLINE = 0x0a
const MAX_COLUMNS = 200

/** Which column is what, whatever its case; all others go into the metadata. */
const MEANINGS: Record<string, 'externalId' | 'title' | 'content' | 'tags'> = {
  externalid: 'externalId',
  external_id: 'externalId',
  id: 'externalId',
  title: 'title',
  content: 'content',
  text: 'content',
  tags: 'tags',
}

/** Rows of values. The first line names the columns. */
export function takeCsv({ bytes, isFirst, isLast, limit, state }: Window): Taken {
  let at = isFirst ? bomIn(bytes) : 0
  let header = state as Header | null
  if (!header) {
    const end = recordEnd(bytes, at, isLast)
    if (end === null) return { rows: [], bytes: 0, state: null }
    header = headerOf(textOf(bytes.subarray(at, end)))
    at = end
  }
  const ends: number[] = [at]
  for (let end = recordEnd(bytes, at, isLast); end !== null && ends.length <= limit; end = recordEnd(bytes, end, isLast)) ends.push(end)
  return { rows: read(bytes, ends, header), bytes: ends.at(-1)!, state: header }
}

/** Behind the end of the record that begins there: a line's end that stands in no quotation marks; null where it is not in the window. */
function recordEnd(bytes: Buffer, from: number, isLast: boolean): number | null {
  if (from >= bytes.length) return null
  let isQuoted = false
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === QUOTE) isQuoted = !isQuoted
    else if (bytes[at] === NEWLINE && !isQuoted) return at + 1
  }
  return isLast ? bytes.length : null
}

function headerOf(line: string | null): Header {
  if (line === null) throw new FileUnreadable('This is no CSV: it is not UTF-8, or holds null characters.')
  const delimiter = DELIMITERS.reduce((best, each) => (line.split(each).length > line.split(best).length ? each : best))
  const [columns] = parsed(line, delimiter) ?? []
  if (!columns || columns.length > MAX_COLUMNS) throw new FileUnreadable(`This is no CSV: its first line is no list of at most ${MAX_COLUMNS} columns.`)
  const names = columns.map((column) => column.trim())
  if (!names.some((column) => MEANINGS[column.toLowerCase()] === 'content'))
    throw new FileUnreadable('The first line of a CSV names its columns, and one of them must be called content (or text).')
  return { delimiter, columns: names }
}

function parsed(text: string, delimiter: string): string[][] | null {
  try {
    return parse(text, { delimiter, relax_column_count: true, skip_empty_lines: true })
  } catch {
    return null
  }
}

/** All at once where nothing is wrong, and else one by one. */
function read(bytes: Buffer, ends: readonly number[], header: Header): ImportRow[] {
  const whole = textOf(bytes.subarray(ends[0], ends.at(-1)))
  const records = whole === null ? null : parsed(whole, header.delimiter)
  if (records) return records.map((record) => rowOf(record, header))
  return ends.slice(1).flatMap((end, i) => {
    const text = textOf(bytes.subarray(ends[i], end))
    if (text === null) return [{ fault: 'Is not UTF-8, or holds null characters' }]
    const records = parsed(text, header.delimiter)
    return records ? records.map((record) => rowOf(record, header)) : [{ fault: 'Is no row of a CSV: its quotation marks do not fit together' }]
  })
}

function rowOf(record: readonly string[], { columns }: Header): ImportRow {
  if (record.length > columns.length) return { fault: `Has ${record.length} values, and there are ${columns.length} columns` }
  const found: Record<string, unknown> = {}
  const metadata: Record<string, string> = {}
  for (const [i, value] of record.entries()) {
    const meaning = MEANINGS[columns[i]!.toLowerCase()]
    if (value === '') continue
    if (!meaning) metadata[columns[i]!] = value
    else if (meaning === 'tags') found.tags = [...new Set(value.split(/[,;|]/).map((tag) => tag.trim()))].filter(Boolean)
    else found[meaning] = value
  }
  return toRow({ ...found, metadata })
}
