import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { requireAdmin } from '../identity/identity-access.ts'
import { modelProviderChanged, modelProviderHold } from './model-provider-change.ts'
import { ProviderFromEnvironment } from './model-provider-errors.ts'

/**
 * Removes a provider with its models, prices and key. `isSetHere`: whether the environment of this server sets one of this name up, which
 * would only come back.
 */
export async function modelProviderDelete(work: Work, id: string, isSetHere: (name: string) => boolean): Promise<void> {
  requireAdmin(work.actor)
  const { hasKey: _hasKey, ...provider } = await modelProviderHold(work, id)
  if (provider.source === 'ENVIRONMENT' && isSetHere(provider.name)) throw new ProviderFromEnvironment('id')
  await work.execute(Prisma.sql`DELETE FROM "ModelProvider" WHERE "id" = ${id}`)
  modelProviderChanged(work, 'DELETED', { before: null, after: provider })
}
