/** Files that are one document. */
import { MAX_CONTENT, MAX_EXTERNAL_ID, MAX_TITLE } from './document.ts'
import { htmlText } from './html-text.ts'
import type { ImportFormat } from './import.ts'
import { bomIn, type ImportRow, textOf, toRow } from './import-rows.ts'
import { FileUnreadable } from './search-errors.ts'

export interface WholeFile {
  bytes: Buffer
  format: ImportFormat
  name: string | null
}

/** The document that a file is. It is known by the file's name, so that the file can be read again in its place. */
export async function wholeRow({ bytes, format, name }: WholeFile, signal: AbortSignal): Promise<ImportRow> {
  const text = textOf(bytes.subarray(bomIn(bytes)))
  if (text === null) throw new FileUnreadable('This is no text: it is not UTF-8, or holds null characters.')
  if (format === 'HTML' && !/<[a-z!/][^>]{0,2000}>/i.test(text)) throw new FileUnreadable('This is no HTML: there is no tag in it.')
  const read = format === 'HTML' ? await htmlText(text, signal) : { text, title: format === 'MARKDOWN' ? headingOf(text) : null }
  const content = read.text.trim()
  if (!content) throw new FileUnreadable('There is no text in it.')
  if (content.length > MAX_CONTENT)
    throw new FileUnreadable(`Its text has ${content.length} characters, and a document has at most ${MAX_CONTENT}: cut it into several, as JSONL.`)
  const row = toRow({
    externalId: name?.slice(0, MAX_EXTERNAL_ID),
    title: (read.title || name)?.slice(0, MAX_TITLE),
    content,
    metadata: name ? { file: name } : {},
  })
  if ('fault' in row) throw new FileUnreadable(row.fault)
  return row
}

/** The first heading that is not in a piece of code. */
function headingOf(text: string): string | null {
  let isCode = false
  for (const line of text.slice(0, 20_000).split('\n')) {
    if (line.startsWith('```')) isCode = !isCode
    const heading = /^#{1,6} {1,4}(\S.*)/.exec(line)?.[1]
    if (heading && !isCode) return heading.replace(/ #+ *$/, '').trim()
  }
  return null
}
