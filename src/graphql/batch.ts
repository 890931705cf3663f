/** What mutations that make many things at once have in common. The input's list and the payload's have the same name. */
import { createHash } from 'node:crypto'
import type { InputRef } from '@pothos/core'
import { z } from 'zod'
import { DomainError } from '../core/errors.ts'
import { faultWords } from '../core/fault-words.ts'
import { given, idempotencyKey } from '../core/input.ts'
import { type ErrorPolicy, MAX_FAULTS, MAX_FAULTS_OF_ONE, type Skipped, type Wanted } from '../events/batch.ts'
import { builder, rowsOf } from './builder.ts'
import { type InputBuilder, inputFaults } from './mutation.ts'
import { told, UserError } from './user-errors.ts'

const ErrorPolicyEnum = builder.enumType('ErrorPolicy', {
  description: 'What becomes of the others where one of many is at fault.',
  values: {
    REJECT_ALL: { description: `None is made; \`userErrors\` tells what is wrong with each, the first ${MAX_FAULTS} faults.` },
    SKIP_FAILED: { description: 'The others are made, but for those that refer to it; `skipped` tells which are not.' },
  } satisfies Record<ErrorPolicy, object>,
})

interface ToldSkip {
  index: number
  faults: { code: string; message: string; path: string[] | null }[]
}

const BatchSkip = builder.objectRef<ToldSkip>('BatchSkip').implement({
  description: 'One of many that was not made.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place in the input, from 0.' }),
    userErrors: t.field({
      type: [UserError],
      description: `Why; the first ${MAX_FAULTS_OF_ONE} faults.`,
      resolve: ({ faults }) => faults.map(({ code, message, path }) => told(new DomainError(code, message, path))),
    }),
  }),
})

export const batchFields = (t: InputBuilder, list: string, item: InputRef<unknown>, words: { one: string; list: string }) => ({
  [list]: t.field({ type: [item], required: true, description: words.list }),
  errorPolicy: t.field({ type: ErrorPolicyEnum, defaultValue: 'REJECT_ALL', description: 'What becomes of the others where one is at fault.' }),
  idempotencyKey: t.string({
    description: `The same key with the same input gives the same ${list}, for a day at least; at most 200 characters. Where a ${words.one} brings an id of your making along, the same input does so without a key.`,
  }),
})

/** Each of the list is judged by itself, by `wantedBy`. */
export const batchRules = <List extends string>(list: List, most: number) => ({
  ...({ [list]: z.array(z.unknown()).min(1, 'Must not be empty').max(most, `Must have at most ${most} entries`) } as Record<List, z.ZodArray<z.ZodUnknown>>),
  errorPolicy: given(z.enum(['REJECT_ALL', 'SKIP_FAILED'])).transform((policy): ErrorPolicy => policy ?? 'REJECT_ALL'),
  idempotencyKey,
})

/** Reads one of many, with everything that is wrong with how it is asked for. */
export const wantedBy =
  <Rules extends z.ZodType, T>(rules: Rules, toCreation: (given: z.output<Rules>) => T) =>
  (item: unknown): Wanted<T> => {
    const parsed = rules.safeParse(item, { error: faultWords })
    if (!parsed.success) return { creation: null, faults: inputFaults(parsed.error) }
    try {
      return { creation: toCreation(parsed.data), faults: [] }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return { creation: null, faults: [error] }
    }
  }

/** What a batch is known by when it is sent again: ids of the client's making are a key too. */
export const batchKey = (mutation: string, list: readonly unknown[], input: { idempotencyKey?: string | undefined }) => ({
  mutation,
  key: input.idempotencyKey,
  id: list.some((item) => (item as { id?: unknown }).id != null) ? createHash('sha256').update(JSON.stringify(input)).digest('base64url') : undefined,
  input,
})

/** As it is remembered under a key. */
export const toTold = (skipped: readonly Skipped[]): string =>
  JSON.stringify(
    skipped.map(({ index, errors }): ToldSkip => ({ index, faults: errors.map(({ code, message, inputPath: path }) => ({ code, message, path })) })),
  )

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
export const skippedField = (t: any, list: string) =>
  t.field({
    ...rowsOf(list),
    type: [BatchSkip],
    description: 'Those that were not made though others were (SKIP_FAILED), in the order of the input.',
    resolve: ({ made }: { made: { skipped: string } | null }) => (made ? (JSON.parse(made.skipped) as ToldSkip[]) : []),
  })

/** Rows in the order of the input; null where one was skipped. */
export async function inPlaces<Row extends { id: string }>(ids: readonly string[], read: (id: { in: string[] }) => Promise<Row[]>): Promise<(Row | null)[]> {
  const rows = ids.length ? await read({ in: [...ids] }) : []
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.map((id) => byId.get(id) ?? null)
}
