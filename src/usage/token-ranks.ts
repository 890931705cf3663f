/**
 * The table of o200k tokens, read in slices. Imported as the module that it comes as, it would hold up everybody for a quarter of a
 * second; so it is the same table from the package's data file, a few milliseconds at a time.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { setImmediate as others } from 'node:timers/promises'

/** A token's bytes: as text where they are one. */
type Token = string | number[]

const SLICE_MS = 4
/** The clock is looked at once for so many. */
const AT_ONCE = 200
const [NEW_LINE, SPACE] = [10, 32]
/** Text that begins with a byte order mark loses it on its way through a decoder. */
const startsWithMark = (bytes: Buffer) => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

/** By rank, as the tokenizer takes it. */
export async function tokenRanks(): Promise<Token[]> {
  const lines = await readFile(createRequire(import.meta.url).resolve('gpt-tokenizer/data/o200k_base.tiktoken'))
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const ranks: Token[] = []
  const tokenOf = (bytes: Buffer): Token => {
    if (startsWithMark(bytes)) return [...bytes]
    try {
      return decoder.decode(bytes)
    } catch {
      return [...bytes]
    }
  }
  for (let at = 0; at < lines.length; ) {
    const until = performance.now() + SLICE_MS
    while (at < lines.length && performance.now() < until)
      for (let n = 0; n < AT_ONCE && at < lines.length; n++) {
        // A line is a token in base64, and its rank.
        const space = lines.indexOf(SPACE, at)
        const end = lines.indexOf(NEW_LINE, space)
        const next = end < 0 ? lines.length : end
        ranks[Number(lines.toString('latin1', space + 1, next))] = tokenOf(Buffer.from(lines.toString('latin1', at, space), 'base64'))
        at = next + 1
      }
    await others()
  }
  return ranks
}
