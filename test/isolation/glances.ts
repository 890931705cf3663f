/** What somebody sees of their own without naming an id of anybody else: nobody else’s things may move any of it. */
import type { Things } from './things.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

interface Glance {
  query: string
  variables?: (mine: Things) => Record<string, unknown>
  /** What of it is held against another time. */
  of?: (data: Data) => unknown
}

const search = (mode: string, match: string): Glance => ({
  query: `{ search(input: { query: "lantern harbour violin", mode: ${mode}, match: ${match} }) { totalCount edges { cursor node { score document { id } chunk { id } snippet { html } } } } }`,
})
const facts = (mode: string, match: string): Glance => ({
  query: `{ factSearch(query: "lantern harbour violin", mode: ${mode}, match: ${match}) { score fact { id } snippet { html } } }`,
})
const span = `bucket: HOUR, from: "${new Date(Date.now() - 3_600_000).toISOString()}", to: "${new Date(Date.now() + 7_200_000).toISOString()}"`

export const GLANCES: Record<string, Glance> = {
  collections: { query: '{ searchCollections { totalCount nodes { id documents { totalCount } embedding { model status vectors pending progress } } } }' },
  'a name': { query: '{ searchCollection(name: "notes") { id } }' },
  documents: { query: '{ searchDocuments(filter: { externalId: { eq: "note-0" } }) { totalCount nodes { id } } }' },
  imports: { query: '{ searchImports { totalCount nodes { id status rows added } } }' },
  'an export': { query: 'query ($id: ID!) { searchCollectionExport(id: $id) { content documents hasNextPage } }', variables: ({ collection: id }) => ({ id }) },
  'by words': search('TEXT', 'ALL'),
  'by any word': search('TEXT', 'ANY'),
  'by meaning': search('VECTOR', 'ALL'),
  'by both': search('HYBRID', 'ANY'),
  suggestions: { query: '{ searchSuggest(input: { text: "la" }) { text count } }' },
  facts: { query: '{ facts { totalCount nodes { id } } factsEmbedding { model status vectors pending progress } }' },
  'facts by words': facts('TEXT', 'ALL'),
  'facts by any word': facts('TEXT', 'ANY'),
  'facts by meaning': facts('VECTOR', 'ALL'),
  'facts by both': facts('HYBRID', 'ANY'),
  context: { query: '{ contextFor(input: { query: "lantern harbour" }) { pieces { sourceId score text } omitted tokens prompt } }' },
  trail: { query: '{ auditEntries { totalCount nodes { id position } } }' },
  tasks: { query: `{ analytics(${span}) { tasks { from created started completed failed byType { type created completed } } } }` },
  usage: {
    query: `{ analytics(${span}) { usage(groupBy: [TASK_TYPE, MODEL]) { from taskType model calls inputTokens costMicroUsd } } }`,
    // Each search by meaning is a call of no task.
    of: ({ analytics }) => analytics.usage.filter(({ taskType }: Data) => taskType),
  },
}
