/** What every change of a provider and of its models has in common: the row held, and the event. */

import { NotFound } from '../core/errors.ts'
import { changedFrom } from '../events/changed.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { MODEL_COLUMNS, type ModelValues } from './model.ts'
import { MODEL_PROVIDER_COLUMNS, MODEL_PROVIDER_VALUES, type ModelProviderValues, PROVIDERS_TOPIC, toModelProviderValues } from './model-provider.ts'

/** The provider as it is, and stays to the end of the transaction unless this one changes it. */
export async function modelProviderHold(work: Work, id: string, field = 'id'): Promise<ModelProviderValues & { hasKey: boolean }> {
  const [row] = await work.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${MODEL_PROVIDER_VALUES}, "apiKeySealed" IS NOT NULL AS "hasKey" FROM "ModelProvider" WHERE "id" = ${id} ${work.sql.forUpdate}`,
  )
  if (!row) throw new NotFound('ModelProvider', ['input', field])
  return { ...toModelProviderValues(row), hasKey: Boolean(row.hasKey) }
}

/** Changes a provider that is held, and tells it. */
export async function modelProviderSet(
  work: Work,
  before: ModelProviderValues,
  set: Prisma.Sql,
  kind: ModelProviderChange,
  extra?: Record<string, unknown>,
): Promise<void> {
  const [row] = await work.rows<Record<string, unknown>>(
    Prisma.sql`UPDATE "ModelProvider" SET ${set} WHERE "id" = ${before.id} RETURNING ${MODEL_PROVIDER_VALUES}`,
  )
  modelProviderChanged(work, kind, { before, after: toModelProviderValues(row!) }, extra)
}

/** UP and DOWN: it was found otherwise than before. */
export type ModelProviderChange = 'CREATED' | 'UPDATED' | 'UP' | 'DOWN' | 'SYNCED' | 'DELETED'

/** Notes a change of a provider. It has no owner: only ADMINs are told. */
export function modelProviderChanged(
  work: Work,
  kind: ModelProviderChange,
  { before, after }: { before: ModelProviderValues | null; after: ModelProviderValues },
  extra: Record<string, unknown> = {},
): void {
  const values = Object.fromEntries(MODEL_PROVIDER_COLUMNS.slice(1).map((column) => [column, after[column]]))
  work.events.push({
    kind: `MODEL_PROVIDER_${kind}`,
    subjectType: 'ModelProvider',
    subjectId: after.id,
    ownerId: null,
    data: { ...values, ...extra, ...changedFrom(MODEL_PROVIDER_COLUMNS, before, after) },
  })
  if (kind === 'CREATED' || kind === 'UPDATED') work.signals.add(PROVIDERS_TOPIC)
}

/** UNLISTED: its provider does not list it any more. LISTED: it does again. */
export type ModelChange = 'CREATED' | 'UPDATED' | 'LISTED' | 'UNLISTED' | 'DELETED'

export function modelChanged(work: Work, kind: ModelChange, { before, after }: { before: ModelValues | null; after: ModelValues }): void {
  const { id, ...values } = after
  work.events.push({
    kind: `MODEL_${kind}`,
    subjectType: 'Model',
    subjectId: id,
    ownerId: null,
    data: { ...values, ...changedFrom(MODEL_COLUMNS, before, after) },
  })
}
