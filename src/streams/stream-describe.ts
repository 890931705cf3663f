import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { streamTopic } from './stream.ts'

/** Says which model writes an open stream, where that was another than it began with; only the attempt that writes it may. */
export async function streamDescribe(work: Work, stream: { id: string; attempt: number }, about: { model: string; provider: string }): Promise<void> {
  await work.execute(Prisma.sql`
    UPDATE "Stream" SET "model" = ${about.model}, "provider" = ${about.provider}
    WHERE "id" = ${stream.id} AND "attempt" = CAST(${stream.attempt} AS INTEGER) AND "status" IN ('PENDING', 'STREAMING')`)
  work.signals.add(streamTopic(stream.id))
}
