/** What is not yours does not exist for you: every field of search, vectors, facts, context, audit and figures, as the schema has them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apiScopes } from '../../src/core/scopes.ts'
import { apiKey, bare } from '../identity/account.ts'
import { dialects } from '../kit/databases.ts'
import { type Answer, openWorld, type TestUser, type World } from '../kit/world.ts'
import { EmbeddingsServer } from '../vectors/embeddings-server.ts'
import { type Asked, asked, askedWith, keyOf, neverThere, told } from './asking.ts'
import { CASES, type Case } from './cases.ts'
import { nodeTypes, type Place, type RoomField, roomFields } from './fields.ts'
import { GLANCES } from './glances.ts'
import { stateOf, type Things, thingsOf } from './things.ts'

/** Types with global ids that other rooms test. */
const ELSEWHERE = ['Budget', 'CostAlert', 'Model', 'ModelProvider', 'ProviderUsage', 'Schedule', 'Stream']

const CALLS =
  'query ($from: DateTime!) { analytics(bucket: HOUR, from: $from) { apiCalls(groupBy: [OPERATION, CALLER], first: 100) { operation caller { id } } } }'

const caseOf = (field: RoomField): Case => CASES[keyOf(field) as keyof typeof CASES]!
const isForAdmins = ({ rights }: RoomField) => rights.startsWith('ADMIN')

test('every field of these rooms, every place in them for an id, and every type with ids is tried', () => {
  expect(roomFields.map(keyOf).sort()).toEqual(Object.keys(CASES).sort())
  // Who is no ADMIN is refused there before anything is looked at.
  for (const field of roomFields.filter((each) => !isForAdmins(each)))
    expect([keyOf(field), ...field.places.map(({ path }) => path).sort()]).toEqual([keyOf(field), ...Object.keys(caseOf(field).ids ?? {}).sort()])
  expect(roomFields.length).toBeGreaterThan(40)
})

describe.each(dialects())('what belongs to somebody else, on %s', (dialect) => {
  let world: World
  let model: EmbeddingsServer
  let admin: TestUser
  let ada: TestUser
  let ben: TestUser
  let others: Things
  let mine: Things
  /** What ben sees of his own, before there is anything of ada's and after. */
  let before: Record<string, unknown>
  let after: Record<string, unknown>
  let startCursor: string

  beforeAll(async () => {
    model = await EmbeddingsServer.start()
    world = await openWorld(dialect, { env: { OPENAI_BASE_URL: model.baseUrl, LOCAL_EMBEDDINGS: 'off' } })
    admin = await world.user('admin')
    ada = await world.user('ada')
    ben = await world.user('ben')
    startCursor = (await world.ask('{ eventCursor }', {}, ben)).data.eventCursor
    mine = await thingsOf(world, ben, 8)
    before = await glances()
    others = await thingsOf(world, ada, 500)
    after = await glances()
  }, 60_000)
  afterAll(async () => {
    await world?.close()
    model?.close()
  })

  async function glances(): Promise<Record<string, unknown>> {
    await world.app.audit.flush()
    const seen: Record<string, unknown> = {}
    for (const [name, { query, variables, of }] of Object.entries(GLANCES)) {
      const answer = await world.ask(query, variables?.(mine), ben)
      if (answer.errors) throw new Error(`${name}: ${answer.errors[0]!.message}`)
      seen[name] = of ? of(answer.data) : answer.data
    }
    return seen
  }

  const places = (...says: string[]) =>
    roomFields.flatMap((field) =>
      field.places.flatMap((place) => {
        const id = caseOf(field).ids?.[place.path]
        return id && says.includes(id.says) ? [{ field, place, id: others[id.is], says: id.says }] : []
      }),
    )

  /** What ben is answered for an id of ada's, and for one that nothing ever had. */
  async function both(field: RoomField, place: Place, id: string, ask: (asked: Asked) => Promise<Answer> = (it) => world.ask(it.query, it.variables, ben)) {
    const never = neverThere(id)
    const pairs: { theirs: Answer; nothings: Answer }[] = []
    const asks = askedWith(field, caseOf(field), mine, place, never)
    for (const [i, it] of askedWith(field, caseOf(field), mine, place, id).entries()) {
      const [theirs, nothings] = [await ask(it), await ask(asks[i]!)]
      expect([keyOf(field), place.path, told(theirs, id)]).toEqual([keyOf(field), place.path, told(nothings, never)])
      pairs.push({ theirs, nothings })
    }
    return pairs
  }

  test('is null, in no list and not found for a query, as what never was', async () => {
    await world.app.audit.flush()
    for (const { field, place, id, says } of places('NULL', 'EMPTY', 'NOT_FOUND').filter(({ field: { root } }) => root === 'Query')) {
      const pairs = await both(field, place, id)
      const { theirs } = pairs[0]!
      const at = `${keyOf(field)} ${place.path}: ${JSON.stringify(theirs)}`
      if (says === 'NOT_FOUND') expect([at, theirs.errors?.[0]?.extensions.code, theirs.data?.[field.name] ?? null]).toEqual([at, 'NOT_FOUND', null])
      else expect([at, theirs.errors]).toEqual([at, undefined])
      if (says === 'NULL') expect([theirs.data[field.name]].flat()).toEqual([null])
      if (says === 'EMPTY')
        // Those by `ne` and `notIn` are the asker's own.
        for (const { theirs: answer } of pairs.slice(0, 2)) {
          expect(JSON.stringify(answer)).not.toMatch(/"(totalCount|created|started|completed|calls)":[1-9]/)
          expect(JSON.stringify(answer)).not.toMatch(/"id":/)
        }
    }
  })

  test('leaves nothing out where a filter excludes it, however deep it is named', async () => {
    const own = { searchDocuments: { totalCount: 9 }, facts: { totalCount: 9 }, searchImports: { totalCount: 2 } }
    const lists = `query ($documents: SearchDocumentFilter, $facts: FactFilter, $imports: SearchImportFilter) {
      searchDocuments(filter: $documents) { totalCount } facts(filter: $facts) { totalCount } searchImports(filter: $imports) { totalCount } }`
    const filters = (name: string, id: string, ownId: string) => [
      { not: { [name]: { eq: id } } },
      { or: [{ [name]: { eq: id } }, { [name]: { in: [id, ownId] } }] },
      { and: [{ not: { or: [{ [name]: { in: [id] } }] } }, { [name]: { eq: ownId } }] },
    ]
    for (let i = 0; i < 3; i++) {
      const inCollection = filters('collectionId', others.collection, mine.collection)[i]
      const { data } = await world.ask(lists, { documents: inCollection, facts: filters('taskId', others.task, mine.task)[i], imports: inCollection }, ben)
      expect(data).toEqual(own)
    }
  })

  test('is not found for a mutation, as what never was, and nothing is changed by that', async () => {
    const state = await stateOf(world)
    for (const { field, place, id } of places('NOT_FOUND').filter(({ field: { root } }) => root === 'Mutation')) {
      for (const { theirs } of await both(field, place, id)) {
        const [{ code, path }] = theirs.data[field.name].userErrors
        expect([code, path.filter((name: string) => !/^\d+$/.test(name)).join('.')]).toEqual(['NOT_FOUND', place.path])
      }
    }
    expect(await stateOf(world)).toEqual(state)
  })

  test('has ids that are taken, of which no more is told than of a task’s', async () => {
    const state = await stateOf(world)
    const TASK = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code message path } } }`
    const input = { type: 'http.request', params: { url: 'http://127.0.0.1/' }, runImmediately: false }
    const [asTask] = await world.refused(TASK, { input: { ...input, id: others.task } }, ben)
    for (const { field, place, id } of places('TAKEN')) {
      const [it] = askedWith(field, caseOf(field), mine, place, id)
      const answer = await world.ask(it!.query, it!.variables, ben)
      const { userErrors, ...rest } = answer.data[field.name]
      const type = id.slice(0, id.indexOf(':'))
      const path = place.path.split('.').flatMap((name) => (name === 'facts' || name === 'documents' ? [name, '0'] : [name]))
      expect([keyOf(field), userErrors]).toEqual([keyOf(field), [{ ...asTask!, message: asTask!.message.replace('Task', type), path }]])
      expect(
        Object.values(rest)
          .flat()
          .filter((value) => value !== null),
      ).toEqual([])
    }
    expect(await stateOf(world)).toEqual(state)
  })

  test('cannot be followed: not one, from whenever, and not among many', async () => {
    const first = async ({ query, variables }: Asked): Promise<Answer> => {
      const live = await world.follow(query, variables, ben)
      const { value } = await live.next()
      await live.stop()
      return value as Answer
    }
    const subscriptions = (says: string) => places(says).filter(({ field: { root } }) => root === 'Subscription')
    for (const { field, place, id } of subscriptions('NOT_FOUND')) {
      const fromTheStart = ({ query, variables }: Asked) =>
        first({
          query: query.replace('($id: ID!)', '($id: ID!, $after: Cursor)').replace('(id: $id)', '(id: $id, after: $after)'),
          variables: { ...variables, after: startCursor },
        })
      for (const ask of [first, fromTheStart])
        for (const { theirs } of await both(field, place, id, ask)) expect(theirs.errors?.map(({ extensions }) => extensions.code)).toEqual(['NOT_FOUND'])
    }
    // The whole log is gone through, and what is ben's own comes first, though ada's is asked for too.
    for (const { field, place, id } of subscriptions('SILENCE')) {
      const name = place.path.slice('filter.'.length)
      const filter = place.kind === 'list' ? { [name]: [id, mine.fact] } : { or: [{ [name]: { eq: id } }, { id: { eq: mine.fact } }] }
      const live = await world.follow(asked(field, caseOf(field), { filter, after: startCursor }).query, { filter, after: startCursor }, ben)
      expect([keyOf(field), place.path, await live.take()]).toEqual([
        keyOf(field),
        place.path,
        expect.objectContaining({ kind: expect.stringMatching(/CREATED$/), [field.name === 'events' ? 'subjectId' : 'factId']: mine.fact }),
      ])
      await live.stop()
    }
  })

  test('is no node', async () => {
    const tried = Object.values(others).map((id) => id.slice(0, id.indexOf(':')))
    expect([...new Set([...tried, ...ELSEWHERE])].sort()).toEqual([...nodeTypes].sort())
    const ids = Object.values(others)
    const { data } = await world.ask(
      `query ($ids: [ID!]!) { nodes(ids: $ids) { id } ${ids.map((id, i) => `n${i}: node(id: "${id}") { id }`).join(' ')} }`,
      { ids },
      ben,
    )
    expect(data.nodes).toEqual(ids.map(() => null))
    expect(Object.values(data).slice(1)).toEqual(ids.map(() => null))
  })

  test('is in nothing that one sees of one’s own: no count, score, suggestion or figure is otherwise than without it', async () => {
    expect(after).toEqual(before)
    await world.ask('query OnlyAda { viewer { id } }', {}, ada)
    const { data } = await world.ask(CALLS, { from: new Date(Date.now() - 60_000).toISOString() }, ben)
    const calls: { operation: string; caller: { id: string } }[] = data.analytics.apiCalls
    expect([...new Set(calls.map(({ caller }) => caller.id))]).toEqual([ben.id])
    expect(calls.map(({ operation }) => operation)).not.toContain('OnlyAda')
  })

  test('says nothing of facts that are the same', async () => {
    const CREATE = `mutation ($input: FactCreateInput!) { factCreate(input: $input) { similar { factId } userErrors { code message } } }`
    const text = 'The ferry to the island leaves at nine from the second pier.'
    await world.does(CREATE, { input: { text } }, ada)
    expect((await world.does(CREATE, { input: { text } }, ben)).similar).toEqual([])
    const MANY = `mutation ($input: FactCreateManyInput!) { factCreateMany(input: $input) { facts { id } similar { factId } userErrors { code message } } }`
    const made = await world.does(MANY, { input: { facts: [{ text: `${text} Be early.` }] } }, ada)
    expect(made.similar).toHaveLength(1)
    const UPDATE = `mutation ($input: FactUpdateInput!) { factUpdate(input: $input) { similar { factId } userErrors { code message } } }`
    const { similar } = await world.does(UPDATE, { input: { id: mine.fact, text: `${text} Be early!` } }, ben)
    expect(similar.map(({ factId }: { factId: string }) => factId)).not.toContain(made.facts[0].id)
  })

  test('is not touched by tasks of the kinds that work on it', async () => {
    const state = await stateOfAda()
    const set = (await world.client.vectorSet.findFirstOrThrow({ where: { space: { startsWith: 'collection:' }, ownerId: bare(ada.id) } })).id
    const CREATE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code message path } } }`
    const kinds = [
      ['search.import', 'importId', others.import],
      ['search.clear', 'collectionId', others.collection],
      ['vectors.build', 'setId', `:${set}`],
    ] as const
    for (const [type, name, id] of kinds) {
      const outcomes = []
      for (const each of [id, neverThere(id)]) {
        const params = { [name]: each.replace(/^:/, '') }
        const { task } = await world.does(CREATE, { input: { type, params, maxAttempts: 1 } }, ben)
        const live = await world.follow('subscription ($id: ID!) { taskUpdated(id: $id) { task { status error summary result } } }', { id: task.id }, ben)
        const events = await live.until(({ task: now }) => ['COMPLETED', 'FAILED'].includes(now.status))
        await live.stop()
        outcomes.push(told(events.at(-1).task, each))
      }
      expect([type, outcomes[0]]).toEqual([type, outcomes[1]])
    }
    expect(await stateOfAda()).toEqual(state)
  })

  async function stateOfAda(): Promise<object> {
    const owned = { where: { ownerId: bare(ada.id) }, orderBy: { id: 'asc' } } as const
    const { client } = world
    const [collections, documents, imports, sets] = [
      await client.searchCollection.findMany(owned),
      await client.searchDocument.findMany(owned),
      await client.searchImport.findMany(owned),
      await client.vectorSet.findMany({ ...owned, where: { ...owned.where, space: { startsWith: 'collection:' } } }),
    ]
    return { collections, documents, imports, sets }
  }

  test('is an ADMIN’s to see by its id and in lists, but in no search or context of theirs', async () => {
    const ids = [others.collection, others.document, others.chunk, others.import, others.fact, others.entry]
    const { data } = await world.ask(
      `query ($ids: [ID!]!, $conversation: ID!) {
        nodes(ids: $ids) { id } searchCollections { totalCount } searchImports { totalCount }
        search(input: { query: "lantern" }) { totalCount } searchSuggest(input: { text: "lan" }) { text } factSearch(query: "lantern") { score }
        contextFor(input: { query: "lantern" }) { pieces { text } } talk: contextFor(input: { conversationId: $conversation }) { query } }`,
      { ids, conversation: others.conversation },
      admin,
    )
    expect(data).toEqual({
      nodes: ids.map((id) => ({ id })),
      searchCollections: { totalCount: 2 },
      searchImports: { totalCount: 4 },
      search: { totalCount: 0 },
      searchSuggest: [],
      factSearch: [],
      contextFor: { pieces: [] },
      talk: null,
    })
  })

  test('and one’s own is refused to a key without the scope, and what is for ADMINs to everybody else', async () => {
    const codes = async ({ query, variables }: Asked, root: string, who: TestUser | string) => {
      if (root !== 'Subscription') return (await world.ask(query, variables, who)).errors?.map(({ extensions }) => extensions.code)
      const live = await world.follow(query, variables, who)
      const { value } = await live.next()
      await live.stop()
      return (value as Answer).errors?.map(({ extensions }) => extensions.code)
    }
    const keys = new Map<string, string>()
    const without = async (user: TestUser, scope: string) => {
      const known =
        keys.get(user.id + scope) ??
        (await apiKey(
          world,
          user,
          apiScopes.filter((each) => each !== scope),
        ))
      keys.set(user.id + scope, known)
      return known
    }
    const state = await stateOf(world)
    let made = 0
    for (const field of roomFields) {
      const { rights, root } = field
      const [id] = field.places.filter(({ path }) => path === 'id')
      const it = id ? askedWith(field, caseOf(field), mine, id, mine.fact)[0]! : asked(field, caseOf(field), caseOf(field).args?.(mine) ?? {})
      if (rights === 'PUBLIC' || rights === 'USER') continue
      const scope = rights.replace('ADMIN+', '')
      const size = keys.size
      expect([keyOf(field), await codes(it, root, await without(isForAdmins(field) ? admin : ben, scope))]).toEqual([keyOf(field), ['FORBIDDEN']])
      made += keys.size - size
      if (isForAdmins(field)) expect([keyOf(field), await codes(it, root, ben)]).toEqual([keyOf(field), ['FORBIDDEN']])
    }
    expect(made).toBeGreaterThan(5)
    const learnt = await world.ask(
      'query ($id: ID!) { fact(id: $id) { task { params } message { text } } }',
      { id: mine.fact },
      await apiKey(world, ben, ['FACTS_READ']),
    )
    expect([learnt.data, learnt.errors?.map(({ extensions }) => extensions.code)]).toEqual([
      { fact: { task: null, message: null } },
      ['FORBIDDEN', 'FORBIDDEN'],
    ])
    const unread = await without(ben, 'SEARCH_READ')
    const { data } = await world.ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: [mine.collection, mine.fact] }, unread)
    expect(data.nodes).toEqual([null, { id: mine.fact }])
    const { apiKeys: _keys, events: _events, ...after } = (await stateOf(world)) as Record<string, unknown>
    expect(state).toMatchObject(after)
  })
})
