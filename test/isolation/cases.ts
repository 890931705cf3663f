/** How each root field of these rooms is asked, and where an id of somebody else may be tried. */
import type { Root } from './fields.ts'
import type { Things } from './things.ts'

type Thing = keyof Things
type Args = Record<string, unknown>

/**
 * How what is not yours is answered: by null, by a list without it, by NOT_FOUND, by nothing being told, or, of an id for what is to be
 * made, by ID_TAKEN.
 */
type Says = 'NULL' | 'EMPTY' | 'NOT_FOUND' | 'SILENCE' | 'TAKEN'

export interface Case {
  select: string
  /** All that it is given but for the id that is tried; what it is about is the asker's own. */
  args?: (mine: Things) => Args
  /** By the places where ids go. */
  ids?: Record<string, { is: Thing; says: Says }>
}

const says = (answer: Says) => (is: Thing) => ({ is, says: answer })
const [absent, empty, refused, silent, taken] = [says('NULL'), says('EMPTY'), says('NOT_FOUND'), says('SILENCE'), says('TAKEN')]

const ERRORS = 'userErrors { code message path }'
const PAGE = 'totalCount pageInfo { hasNextPage }'
const FACTS_OF = (at: string) => ({
  [`${at}id`]: empty('fact'),
  [`${at}ownerId`]: empty('user'),
  [`${at}taskId`]: empty('task'),
  [`${at}messageId`]: empty('message'),
})
const DAY = { bucket: 'HOUR', from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date(Date.now() + 3_600_000).toISOString() }

/** A mutation of what there is: its input, and the places of ids in it. */
const changes = (select: string, input: (mine: Things) => Args, ids: Case['ids'] = {}): Case => ({
  select: `${select} ${ERRORS}`,
  args: (mine) => ({ input: input(mine) }),
  ids: Object.fromEntries(Object.entries(ids).map(([path, id]) => [`input.${path}`, id])),
})
const withContext = { settings: { context: {} } }
const COLLECTIONS = 'settings.context.collections'

export const CASES: Record<`${Root}.${string}`, Case> = {
  'Query.node': { select: '__typename id', ids: { id: absent('document') } },
  'Query.nodes': { select: '__typename id', ids: { ids: absent('document') } },
  'Query.events': { select: `${PAGE} nodes { kind subjectId data }`, ids: { 'filter.subjectId': empty('collection') } },
  'Query.analytics': {
    select: `tasks { created started completed byType { type } } usage(groupBy: [USER]) { user { id } calls } apiCalls(groupBy: [CALLER]) { caller { id } apiKey { id } calls }`,
    args: () => DAY,
    ids: { ownerId: empty('user') },
  },
  'Query.storageUse': { select: 'entity rows bytes' },
  'Query.auditVerify': { select: 'isIntact' },
  'Query.auditEntry': { select: 'id operation', ids: { id: absent('entry') } },
  'Query.auditEntries': {
    select: `${PAGE} nodes { id operation subjectId subject { id } }`,
    ids: {
      'filter.id': empty('entry'),
      'filter.userId': empty('user'),
      'filter.sessionId': empty('session'),
      'filter.apiKeyId': empty('apiKey'),
      'filter.subjectId': empty('chunk'),
    },
  },
  'Query.contextFor': {
    select: 'query tokens omitted prompt pieces { sourceId score text }',
    args: () => ({ input: { query: 'lantern' } }),
    ids: { 'input.conversationId': absent('conversation'), 'input.collections': refused('collection') },
  },
  'Query.fact': { select: 'id text', ids: { id: absent('fact') } },
  'Query.facts': { select: `${PAGE} nodes { id text }`, ids: FACTS_OF('filter.') },
  'Query.factSearch': { select: 'score fact { id } snippet { text }', args: () => ({ query: 'lantern', mode: 'HYBRID' }), ids: FACTS_OF('filter.') },
  'Query.factsEmbedding': { select: 'model vectors pending progress task { id }' },
  'Query.search': {
    select: `${PAGE} nodes { score document { id } chunk { id } snippet { text } }`,
    args: () => ({ input: { query: 'lantern', mode: 'HYBRID' } }),
    ids: { 'input.collections': refused('collection'), 'input.filter.collectionId': empty('collection') },
  },
  'Query.searchSuggest': { select: 'text count', args: () => ({ input: { text: 'lan' } }), ids: { 'input.collections': refused('collection') } },
  'Query.searchCollection': { select: 'id name documents { totalCount } embedding { vectors }', ids: { id: absent('collection') } },
  'Query.searchCollectionExport': { select: 'content documents endCursor hasNextPage', ids: { id: absent('collection') } },
  'Query.searchCollections': { select: `${PAGE} nodes { id name }`, ids: { 'filter.id': empty('collection'), 'filter.ownerId': empty('user') } },
  'Query.searchDocument': { select: 'id title chunks { totalCount }', ids: { id: absent('document') } },
  'Query.searchDocuments': { select: `${PAGE} nodes { id title }`, ids: { 'filter.collectionId': empty('collection') } },
  'Query.searchImport': { select: 'id status receivedParts', ids: { id: absent('import') } },
  'Query.searchImports': { select: `${PAGE} nodes { id status }`, ids: { 'filter.collectionId': empty('collection') } },

  'Mutation.auditPersonalDataRemove': changes('removedCount', () => ({}), { userId: refused('user') }),
  'Mutation.conversationCreate': changes('conversation { id }', () => withContext, { [COLLECTIONS]: refused('collection') }),
  'Mutation.conversationUpdate': changes('conversation { id }', ({ conversation }) => ({ id: conversation, ...withContext }), {
    [COLLECTIONS]: refused('collection'),
  }),
  'Mutation.messageSend': changes('message { id }', () => ({ text: 'a lantern', conversation: withContext }), {
    [`conversation.${COLLECTIONS}`]: refused('collection'),
  }),
  'Mutation.factCreate': changes('fact { id } similar { factId likeness }', () => ({ text: 'a lantern' }), {
    id: taken('fact'),
    taskId: refused('task'),
    messageId: refused('message'),
  }),
  'Mutation.factCreateMany': changes('facts { id } similar { factId }', () => ({ facts: [{ text: 'a lantern' }] }), {
    'facts.id': taken('fact'),
    'facts.taskId': refused('task'),
    'facts.messageId': refused('message'),
  }),
  'Mutation.factUpdate': changes('fact { id } similar { factId }', ({ fact }) => ({ id: fact, text: 'another lantern' }), {
    id: refused('fact'),
    taskId: refused('task'),
    messageId: refused('message'),
  }),
  'Mutation.factDelete': changes('deletedId', ({ fact }) => ({ id: fact }), { id: refused('fact') }),
  'Mutation.factsEmbed': changes('embedding { model }', () => ({})),
  'Mutation.searchCollectionCreate': changes('collection { id }', () => ({ name: 'another' }), { id: taken('collection') }),
  'Mutation.searchCollectionUpdate': changes('collection { id }', ({ collection }) => ({ id: collection, name: 'other' }), { id: refused('collection') }),
  'Mutation.searchCollectionDelete': changes('deletedId', ({ collection }) => ({ id: collection }), { id: refused('collection') }),
  'Mutation.searchCollectionEmbed': changes('collection { id }', ({ collection }) => ({ id: collection, model: 'no such/model' }), {
    id: refused('collection'),
  }),
  'Mutation.searchDocumentAdd': changes('document { id }', ({ collection }) => ({ collectionId: collection, content: 'a lantern' }), {
    id: taken('document'),
    collectionId: refused('collection'),
  }),
  'Mutation.searchDocumentUpsert': changes(
    'document { id } outcome',
    ({ collection }) => ({ collectionId: collection, externalId: 'other', content: 'a lantern' }),
    { id: taken('document'), collectionId: refused('collection') },
  ),
  'Mutation.searchDocumentAddMany': changes(
    'documents { id } outcomes',
    ({ collection }) => ({ collectionId: collection, documents: [{ content: 'a lantern' }] }),
    { 'documents.id': taken('document'), collectionId: refused('collection') },
  ),
  'Mutation.searchDocumentUpdate': changes('document { id }', ({ document }) => ({ id: document, content: 'a lantern' }), { id: refused('document') }),
  'Mutation.searchDocumentDelete': changes('deletedId', ({ document }) => ({ id: document }), { id: refused('document') }),
  'Mutation.searchImportCreate': changes('import { id }', ({ collection }) => ({ collectionId: collection, format: 'TEXT', text: 'x', isLast: false }), {
    id: taken('import'),
    collectionId: refused('collection'),
  }),
  'Mutation.searchImportAppend': changes('import { id }', ({ import: id }) => ({ id, afterPart: 1, text: 'x' }), { id: refused('import') }),

  'Subscription.events': { select: 'kind subjectId data', ids: { 'filter.subjectId': silent('collection') } },
  'Subscription.auditEntryAdded': { select: 'position' },
  'Subscription.factUpdated': { select: 'kind factId fact { text } data', ids: { id: refused('fact') } },
  'Subscription.factsUpdated': {
    select: 'kind factId fact { text } data',
    ids: Object.fromEntries(Object.entries(FACTS_OF('filter.')).map(([path, { is }]) => [path, silent(is)])),
  },
  'Subscription.searchCollectionUpdated': { select: 'kind collectionId data', ids: { id: refused('collection') } },
}
