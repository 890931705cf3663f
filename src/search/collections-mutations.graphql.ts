/** Making, changing and removing collections. */
import { z } from 'zod'
import { BadUserInput } from '../core/errors.ts'
import { idOf, newIdOf, toGlobalId } from '../core/ids.ts'
import { given, id, idempotencyKey, name, optionalId, optionalName, optionalText, text, whole } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { CollectionRef, SearchLanguage } from './collection.graphql.ts'
import {
  collectionsOf,
  DEFAULT_CHUNK_WORDS,
  DEFAULT_OVERLAP_WORDS,
  MAX_CHUNK_WORDS,
  MAX_COLLECTIONS,
  MAX_DESCRIPTION,
  MAX_NAME,
  MIN_CHUNK_WORDS,
} from './collection.ts'
import { collectionCreate } from './collection-create.ts'
import { collectionDelete } from './collection-delete.ts'
import { collectionUpdate } from './collection-update.ts'
import { TEXT_LANGUAGES } from './language.ts'

type Made = { collectionId: string }

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
export const collectionField = (t: any) => ({
  collection: t.prismaField({
    type: CollectionRef,
    nullable: true,
    description: 'The collection as it is now; null where nothing was changed.',
    resolve: (query: object, { made }: { made: Made | null }, _args: unknown, ctx: Context) =>
      made && ctx.db.searchCollection.findFirst({ ...query, where: { id: made.collectionId, ...collectionsOf(ctx.actor) } }),
  }),
})

const SettingsInput = builder.inputType('SearchCollectionSettingsInput', {
  description: 'How documents are cut into chunks.',
  fields: (t) => ({
    chunkWords: t.int({ description: `How many words a chunk has at most, ${MIN_CHUNK_WORDS} to ${MAX_CHUNK_WORDS}; ${DEFAULT_CHUNK_WORDS} by default.` }),
    overlapWords: t.int({
      description: `How many words a chunk has in common with the one before, at most half a chunk; ${DEFAULT_OVERLAP_WORDS} by default.`,
    }),
  }),
})

const settings = given(
  z
    .object({ chunkWords: given(whole(MIN_CHUNK_WORDS, MAX_CHUNK_WORDS)), overlapWords: given(whole(0, MAX_CHUNK_WORDS / 2)) })
    .refine(({ chunkWords, overlapWords }) => overlapWords === undefined || overlapWords <= (chunkWords ?? MAX_CHUNK_WORDS) / 2, {
      message: 'Must be at most half of chunkWords',
      path: ['overlapWords'],
    }),
)

export const KEY = 'The same key with the same input has one effect, for a day at least; at most 200 characters.'
const NAME = `Unique among your collections; 1 to ${MAX_NAME} characters.`
const DESCRIPTION = `What it is for, at most ${MAX_DESCRIPTION} characters`
const language = given(z.enum(TEXT_LANGUAGES))

mutation('searchCollectionCreate', {
  description: `Makes a collection, without documents. An owner has at most ${MAX_COLLECTIONS}.`,
  rights: 'SEARCH_WRITE',
  inputDescription: 'What the collection shall be.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `SearchCollection:<UUIDv7>`, so that sending this again is harmless.' }),
    name: t.string({ required: true, description: NAME }),
    description: t.string({ description: `${DESCRIPTION}.` }),
    language: t.field({ type: SearchLanguage, defaultValue: 'ENGLISH', description: 'The language of its documents.' }),
    settings: t.field({ type: SettingsInput, description: 'How documents are cut into chunks.' }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id: optionalId, name: name(MAX_NAME), description: optionalText(MAX_DESCRIPTION), language, settings, idempotencyKey }),
  payload: collectionField,
  run: async (input, ctx) => {
    const { idempotencyKey: key, settings, ...creation } = input
    const given = { ...creation, ...settings, id: input.id === undefined ? undefined : newIdOf('SearchCollection', input.id) }
    if (settings?.overlapWords !== undefined && settings.overlapWords > (settings.chunkWords ?? DEFAULT_CHUNK_WORDS) / 2)
      throw new BadUserInput('Must be at most half of chunkWords.', ['input', 'settings', 'overlapWords'])
    return ctx.once(
      { mutation: 'searchCollectionCreate', key, id: input.id, input },
      async (work): Promise<Made> => ({ collectionId: (await collectionCreate(work, given)).id }),
    )
  },
})

mutation('searchCollectionUpdate', {
  description: 'Changes what a collection says of itself; what is left out stays. Settings hold for documents that are written from then on.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The collection’s id.' }),
    name: t.string({ description: NAME }),
    description: t.string({ description: `${DESCRIPTION}; null clears it.` }),
    language: t.field({ type: SearchLanguage, description: 'The language of its documents. It can be changed only while there are none.' }),
    settings: t.field({ type: SettingsInput, description: 'How documents are cut into chunks; what is left out stays.' }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id, name: optionalName(MAX_NAME), description: text(0, MAX_DESCRIPTION).nullish(), language, settings, idempotencyKey }),
  payload: collectionField,
  run: (input, ctx) => {
    const { id: globalId, idempotencyKey: key, settings, ...update } = input
    const collectionId = idOf('SearchCollection', globalId, ['input', 'id']) ?? ''
    return ctx.once({ mutation: 'searchCollectionUpdate', key, input }, async (work): Promise<Made> => {
      await collectionUpdate(work, collectionId, { ...update, ...settings })
      return { collectionId }
    })
  },
})

mutation('searchCollectionDelete', {
  description:
    'Removes a collection with its documents. It is not there for anybody from then on; what is much is cleared away by a task of the type `search.clear`.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'Which collection.',
  input: (t) => ({ id: t.id({ required: true, description: 'The collection’s id.' }), idempotencyKey: t.string({ description: KEY }) }),
  validate: z.object({ id, idempotencyKey }),
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: ({ made }) => (made ? toGlobalId('SearchCollection', (made as unknown as Made).collectionId) : null),
    }),
  }),
  run: (input, ctx) => {
    const collectionId = idOf('SearchCollection', input.id, ['input', 'id']) ?? ''
    return ctx.once({ mutation: 'searchCollectionDelete', key: input.idempotencyKey, input }, async (work): Promise<Made> => {
      await collectionDelete(work, collectionId)
      return { collectionId }
    })
  },
})
