/** A document: a text that can be found, with what is known about it. */

export const MAX_DOCUMENTS_AT_ONCE = 1000
export const MAX_EXTERNAL_ID = 200
export const MAX_TITLE = 500
export const MAX_CONTENT = 500_000
export const MAX_METADATA_BYTES = 16_384
export const MAX_TAGS = 50
export const MAX_TAG = 100

export interface DocumentInput {
  id?: string | undefined
  externalId?: string | undefined
  title?: string | null | undefined
  content: string
  metadata?: unknown
  tags?: readonly string[] | undefined
}

export const distinctTags = (tags: readonly string[] | undefined): string[] => [...new Set(tags)].sort()

/** As Unicode and the databases count them. */
export const charactersIn = (text: string): number => text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0)
