/** What the inputs and payloads about facts have in common. */

import type { GraphQLResolveInfo } from 'graphql'
import { z } from 'zod'
import { idOf, newIdOf, toGlobalId } from '../core/ids.ts'
import { given, jsonObject, name, optionalId, text } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { nodeOf } from '../graphql/node.ts'
import { FactRef } from './fact.graphql.ts'
import { MAX_METADATA_BYTES, MAX_TAG, MAX_TAGS, MAX_TEXT } from './fact.ts'
import type { FactCreation } from './fact-create.ts'
import { NEAR } from './fact-likeness.ts'
import { MAX_SIMILAR, type Similar } from './facts-similar.ts'

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each mutation
type Fields = any

export const FACT_TEXT = `What is known, 1 to ${MAX_TEXT} characters. What is longer is a document.`
export const TAGS = `Its tags, at most ${MAX_TAGS} of at most ${MAX_TAG} characters.`
export const METADATA = `What you keep with it: an object of at most ${MAX_METADATA_BYTES} bytes.`

export const factText = text(1, MAX_TEXT).refine((value) => value.trim().length > 0, 'Must not be blank')
export const tags = z.array(name(MAX_TAG)).max(MAX_TAGS, `Must have at most ${MAX_TAGS} entries`)
export const metadata = jsonObject(MAX_METADATA_BYTES)

export const creationFields = (t: Fields) => ({
  id: t.id({ description: 'An id of your own making, `Fact:<UUIDv7>`, so that sending this again is harmless.' }),
  text: t.string({ required: true, description: FACT_TEXT }),
  tags: t.stringList({ description: TAGS }),
  metadata: t.field({ type: 'JSON', description: METADATA }),
  taskId: t.id({ description: 'A task of yours that it comes from.' }),
  messageId: t.id({ description: 'A message of yours that it comes from.' }),
})

export const creationRules = { id: optionalId, text: factText, tags: given(tags), metadata, taskId: optionalId, messageId: optionalId }

export function toCreation({ id, taskId, messageId, ...rest }: z.infer<z.ZodObject<typeof creationRules>>): FactCreation {
  return {
    ...rest,
    id: id === undefined ? undefined : newIdOf('Fact', id),
    taskId: sourceId('Task', taskId, 'taskId'),
    messageId: sourceId('Message', messageId, 'messageId'),
  }
}

/** What is of another type is as good as none. */
export const sourceId = <Given extends string | null | undefined>(type: string, globalId: Given, field: string) =>
  (globalId == null ? globalId : (idOf(type, globalId, ['input', field]) ?? '')) as Given extends string ? string : Given

export const similarFields = (t: Fields) => ({
  factId: t.id({ description: 'The other fact’s id.', resolve: ({ id }: Similar) => toGlobalId('Fact', id) }),
  fact: t.field({
    type: FactRef,
    nullable: true,
    description: 'The other fact; null once it is deleted.',
    resolve: async ({ id }: Similar, _args: unknown, ctx: Context, info: GraphQLResolveInfo) => nodeOf(ctx, info, 'Fact', id),
  }),
  likeness: t.exposeFloat('likeness', { description: `How much of their words’ letters they have in common, ${NEAR} to 1.` }),
  isSame: t.exposeBoolean('isSame', { description: 'Whether the words are the same, whatever the case, blanks and marks.' }),
})

const FactSimilar = builder.objectRef<Similar>('FactSimilar').implement({
  description: 'A fact of yours that says the same as another, or nearly.',
  fields: similarFields,
})

/** What is remembered under a key. */
export type FactMade = { factId: string; similar: string }

export const similarField = (t: Fields) =>
  t.field({
    type: [FactSimilar],
    description: `Other facts of yours that say the same, or nearly, the likest first; at most ${MAX_SIMILAR}. Keep it, or delete one.`,
    resolve: ({ made }: { made: { similar?: string } | null }) => (made?.similar ? (JSON.parse(made.similar) as Similar[]) : []),
  })

export const factField = (t: Fields) =>
  t.prismaField({
    type: FactRef,
    nullable: true,
    description: 'The fact as it is now; null where nothing was changed.',
    resolve: (query: object, { made }: { made: { factId: string } | null }, _args: unknown, ctx: Context) =>
      made && ctx.db.fact.findUnique({ ...query, where: { id: made.factId } }),
  })
