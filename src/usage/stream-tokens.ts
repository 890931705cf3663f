/** What a call has written, counted from what is durable of its stream: for calls that nobody is left to tell of. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { countTokens } from './tokens.ts'

/** So much is counted within a transaction, which comes to some tens of milliseconds; of what is longer the tokens are estimated. */
const EXACT_BYTES = 1_000_000
/** English text has about so many bytes a token. */
const BYTES_A_TOKEN = 4

/**
 * Output tokens by stream. A model that is called again with what its tools said begins after it: so it is what follows the last
 * TOOL_RESULT, which no model writes.
 */
export async function streamTokens(work: Pick<Work, 'rows'>, streamIds: readonly string[]): Promise<Map<string, number>> {
  const written = Prisma.sql`"StreamChunk" AS "chunk" WHERE "streamId" IN (${Prisma.join([...streamIds])}) AND "kind" IN ('TEXT', 'REASONING', 'TOOL_CALL') AND "seq" >
    COALESCE((SELECT MAX("seq") FROM "StreamChunk" AS "said" WHERE "said"."streamId" = "chunk"."streamId" AND "said"."kind" = 'TOOL_RESULT'), -1)`
  const sizes = await work.rows<{ streamId: string; bytes: number }>(
    Prisma.sql`SELECT "streamId", CAST(SUM(LENGTH("content")) AS BIGINT) AS "bytes" FROM ${written} GROUP BY "streamId" ORDER BY "bytes"`,
  )
  const tokens = new Map<string, number>(streamIds.map((id) => [id, 0]))
  const exact: string[] = []
  let together = 0
  for (const { streamId, bytes } of sizes) {
    together += bytes
    if (together <= EXACT_BYTES) exact.push(streamId)
    else tokens.set(streamId, Math.ceil(bytes / BYTES_A_TOKEN))
  }
  if (!exact.length) return tokens
  const chunks = await work.rows<{ streamId: string; content: Uint8Array }>(
    Prisma.sql`SELECT "streamId", "content" FROM ${written} AND "streamId" IN (${Prisma.join(exact)}) ORDER BY "streamId", "seq"`,
  )
  const texts = new Map<string, Uint8Array[]>()
  for (const { streamId, content } of chunks) texts.set(streamId, [...(texts.get(streamId) ?? []), content])
  for (const [streamId, parts] of texts) tokens.set(streamId, await countTokens(Buffer.concat(parts).toString('utf8')))
  return tokens
}
