import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { MODEL_PROVIDER_VALUES, toModelProviderValues } from './model-provider.ts'
import { modelProviderChanged } from './model-provider-change.ts'
import { longestMessage, shorten } from './provider-errors.ts'

/** Writes down how a provider was found: null, it answered; else its own words. It is told where it is otherwise than before. */
export async function modelProviderSeen(work: Work, id: string, error: string | null): Promise<void> {
  const [row] = await work.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${MODEL_PROVIDER_VALUES} FROM "ModelProvider" WHERE "id" = ${id} ${work.sql.forUpdate}`,
  )
  if (!row) return
  const before = toModelProviderValues(row)
  const status = error === null ? 'UP' : 'DOWN'
  // Neither null characters nor halves of characters can be kept as text.
  const words = error === null ? null : Buffer.from(shorten(error.replaceAll('\u0000', '\uFFFD'), longestMessage)).toString()
  await work.execute(Prisma.sql`
    UPDATE "ModelProvider" SET "status" = ${work.sql.asEnum('ModelProviderStatus', status)}, "error" = ${words}, "checkedAtMs" = ${work.sql.nowMs} WHERE "id" = ${id}`)
  if (before.status !== status || before.error !== words) modelProviderChanged(work, status, { before, after: { ...before, status, error: words } })
}
