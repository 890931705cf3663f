/** What a document is made of, and where it goes, as input. */
import { z } from 'zod'
import { BadUserInput } from '../core/errors.ts'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, jsonObject, name, optionalId, optionalName, text } from '../core/input.ts'
import type { InputBuilder } from '../graphql/mutation.ts'
import type { Into } from './collection-hold.ts'
import { type DocumentInput, MAX_CONTENT, MAX_EXTERNAL_ID, MAX_METADATA_BYTES, MAX_TAG, MAX_TAGS, MAX_TITLE } from './document.ts'

export const WORDS = {
  externalId: `What you call it, unique in its collection; at most ${MAX_EXTERNAL_ID} characters`,
  title: `Its title, at most ${MAX_TITLE} characters`,
  content: `The text that is searched, 1 to ${MAX_CONTENT} characters.`,
  metadata: `What you know about it: a JSON object of at most ${MAX_METADATA_BYTES} bytes`,
  tags: `Words to sort it by: at most ${MAX_TAGS}, each of 1 to ${MAX_TAG} characters`,
}

export const documentFields = (t: InputBuilder) => ({
  id: t.id({ description: 'An id of your own making, `SearchDocument:<UUIDv7>`, so that sending this again is harmless.' }),
  externalId: t.string({ description: `${WORDS.externalId}.` }),
  title: t.string({ description: `${WORDS.title}.` }),
  content: t.string({ required: true, description: WORDS.content }),
  metadata: t.field({ type: 'JSON', description: `${WORDS.metadata}.` }),
  tags: t.stringList({ description: `${WORDS.tags}.` }),
})

export const content = text(1, MAX_CONTENT).refine((value) => value.trim().length > 0, 'Must not be blank')
export const metadata = jsonObject(MAX_METADATA_BYTES)
export const tags = z.array(name(MAX_TAG)).max(MAX_TAGS, `Must have at most ${MAX_TAGS} entries`)

export const documentRules = {
  id: optionalId,
  externalId: optionalName(MAX_EXTERNAL_ID),
  title: given(text(0, MAX_TITLE)),
  content,
  metadata: given(metadata),
  tags: given(tags),
}

type Ruled = z.infer<z.ZodObject<typeof documentRules>>

export const toDocument = ({ id, externalId, title, content, metadata, tags }: Ruled): DocumentInput => ({
  id: id === undefined ? undefined : newIdOf('SearchDocument', id),
  externalId,
  title,
  content,
  metadata,
  tags,
})

export const intoFields = (t: InputBuilder) => ({
  collectionId: t.id({ description: 'The collection’s id; or `collection`.' }),
  collection: t.string({ description: 'The name of a collection of yours; or `collectionId`.' }),
  createCollection: t.boolean({ defaultValue: false, description: 'Whether `collection` is made where there is none of that name.' }),
})

export const intoRules = { collectionId: optionalId, collection: optionalName(200), createCollection: given(z.boolean()) }

export function toInto({
  collectionId,
  collection,
  createCollection,
}: {
  collectionId?: string | undefined
  collection?: string | undefined
  createCollection?: boolean | undefined
}): Into {
  if ((collectionId === undefined) === (collection === undefined)) throw new BadUserInput('Give either collectionId or collection.', ['input', 'collectionId'])
  if (collectionId !== undefined) return { collectionId: idOf('SearchCollection', collectionId, ['input', 'collectionId']) ?? '' }
  return { collection, createCollection }
}
