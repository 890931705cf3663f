import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { requireAdmin } from '../identity/identity-access.ts'
import { MODEL_VALUES, toModelValues } from './model.ts'
import { modelChanged, modelProviderHold } from './model-provider-change.ts'
import { ModelListed } from './model-provider-errors.ts'

/** Removes a model with its prices; not one that its provider lists, which would only come back. What it was used for stays in the usage. */
export async function modelDelete(work: Work, id: string): Promise<void> {
  requireAdmin(work.actor)
  const [known] = await work.rows<{ providerId: string }>(Prisma.sql`SELECT "providerId" FROM "Model" WHERE "id" = ${id}`)
  if (!known) throw new NotFound('Model', ['input', 'id'])
  // Held, so that no list is written meanwhile.
  const provider = await modelProviderHold(work, known.providerId)
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    DELETE FROM "Model" WHERE "id" = ${id} AND ("isListed" = FALSE OR ${provider.syncedAtMs === null ? Prisma.sql`1 = 1` : Prisma.sql`1 = 0`}) RETURNING ${MODEL_VALUES}`)
  if (row) return modelChanged(work, 'DELETED', { before: null, after: toModelValues(row) })
  const [there] = await work.rows(Prisma.sql`SELECT 1 FROM "Model" WHERE "id" = ${id}`)
  throw there ? new ModelListed() : new NotFound('Model', ['input', 'id'])
}
