/** What a document may be made of, wherever it comes from. */
import { z } from 'zod'
import { given, jsonObject, name, optionalName, text } from '../core/input.ts'
import { MAX_CONTENT, MAX_EXTERNAL_ID, MAX_METADATA_BYTES, MAX_TAG, MAX_TAGS, MAX_TITLE } from './document.ts'

export const content = text(1, MAX_CONTENT).refine((value) => value.trim().length > 0, 'Must not be blank')
export const metadata = jsonObject(MAX_METADATA_BYTES)
export const tags = z.array(name(MAX_TAG)).max(MAX_TAGS, `Must have at most ${MAX_TAGS} entries`)
export const externalId = optionalName(MAX_EXTERNAL_ID)
export const title = given(text(0, MAX_TITLE))
