/** Writing down which models a provider has. */

import { newId } from '../core/ids.ts'
import { fromJson, wholeInt } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { inOrder, MODEL_VALUES, type ModelDetails, type ModelValues, type Told, toModelValues } from './model.ts'

import { modelChanged } from './model-provider-change.ts'
import type { ListedModel } from './sdk-provider.ts'

const AT_ONCE = 100

/** Writes a model down that somebody names, so that a price can be set: nothing is known of it yet. Twice is once. */
export async function modelEnsure(work: Work, providerId: string, name: string): Promise<void> {
  await modelsInsert(work, providerId, [{ name, contextLength: null, maxOutputTokens: null, capabilities: [], details: {} }])
}

export interface ModelsWritten {
  added: number
  changed: number
  unlisted: number
}

/**
 * Makes the rows say what the provider lists, whose row is held. A model that is gone stays, with its prices, as not listed. What the
 * operator has set in place of what was told stays too.
 */
export async function modelsWrite(work: Work, providerId: string, listed: readonly ListedModel[]): Promise<ModelsWritten> {
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${MODEL_VALUES}, "details" FROM "Model" WHERE "providerId" = ${providerId}`)
  const known = new Map(rows.map((row) => [row.name as string, { values: toModelValues(row), details: fromJson<ModelDetails | null>(row.details) ?? {} }]))
  const added = listed.filter(({ name }) => !known.has(name))
  await modelsInsert(work, providerId, added)
  let changed = 0
  for (const model of listed) {
    const before = known.get(model.name)
    if (before && (await modelTold(work, before.values, before.details, model))) changed++
  }
  const names = new Set(listed.map(({ name }) => name))
  const gone = rows.map(toModelValues).filter(({ name, isListed }) => isListed && !names.has(name))
  for (const before of gone) await modelSet(work, before, Prisma.sql`"isListed" = FALSE`, 'UNLISTED')
  return { added: added.length, changed, unlisted: gone.length }
}

async function modelsInsert(work: Work, providerId: string, models: readonly ListedModel[]): Promise<void> {
  const { sql } = work
  for (let at = 0; at < models.length; at += AT_ONCE) {
    const some = models.slice(at, at + AT_ONCE).map(
      (model) => Prisma.sql`(${newId()}, ${providerId}, ${model.name}, ${wholeInt(model.contextLength)}, ${wholeInt(model.maxOutputTokens)},
        ${sql.json(inOrder(model.capabilities))}, ${sql.json(detailsOf(model))}, ${sql.nowMs}, ${sql.nowMs}, ${sql.nowMs})`,
    )
    const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
      INSERT INTO "Model" ("id", "providerId", "name", "contextLength", "maxOutputTokens", "capabilities", "details", "syncedAtMs", "createdAtMs", "updatedAtMs")
      VALUES ${Prisma.join(some)} ON CONFLICT ("providerId", "name") DO NOTHING RETURNING ${MODEL_VALUES}`)
    for (const row of rows) modelChanged(work, 'CREATED', { before: null, after: toModelValues(row) })
  }
}

const toldBy = ({ contextLength, maxOutputTokens, capabilities }: ListedModel): Told => ({
  contextLength,
  maxOutputTokens,
  capabilities: inOrder(capabilities),
})
const detailsOf = (model: ListedModel): ModelDetails => ({ ...model.details, told: toldBy(model) })

/** Answers whether anything is otherwise than before. */
async function modelTold(work: Work, before: ModelValues, details: ModelDetails, model: ListedModel): Promise<boolean> {
  const told = toldBy(model)
  const kept = <F extends keyof Told>(field: F): Told[F] => (same(before[field], details.told?.[field] ?? unknown[field]) ? told[field] : before[field])
  const next: Told = { contextLength: kept('contextLength'), maxOutputTokens: kept('maxOutputTokens'), capabilities: kept('capabilities') }
  const isAsBefore = before.isListed && (Object.keys(next) as (keyof Told)[]).every((field) => same(next[field], before[field]))
  if (isAsBefore && same(details, detailsOf(model))) return false
  const { sql } = work
  const set = Prisma.sql`"contextLength" = ${wholeInt(next.contextLength)}, "maxOutputTokens" = ${wholeInt(next.maxOutputTokens)},
    "capabilities" = ${sql.json(next.capabilities)}, "details" = ${sql.json(detailsOf(model))}, "isListed" = TRUE, "syncedAtMs" = ${sql.nowMs}`
  await modelSet(work, before, set, before.isListed ? 'UPDATED' : 'LISTED')
  return !isAsBefore
}

const unknown: Told = { contextLength: null, maxOutputTokens: null, capabilities: [] }

/** The databases do not keep the order of an object's fields. */
const same = (a: unknown, b: unknown): boolean => ordered(a) === ordered(b)
const ordered = (value: unknown): string =>
  JSON.stringify(value, (_key, part) =>
    part && typeof part === 'object' && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  )

/** Changes a model whose provider, or which itself, is held, and tells it. */
export async function modelSet(work: Work, before: ModelValues, set: Prisma.Sql, kind: 'UPDATED' | 'LISTED' | 'UNLISTED'): Promise<void> {
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "Model" SET ${set}, "updatedAtMs" = ${work.sql.nowMs} WHERE "id" = ${before.id} RETURNING ${MODEL_VALUES}`)
  if (row) modelChanged(work, kind, { before, after: toModelValues(row) })
}
