/** Files that are read into collections, and collections that are written out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects, scratchDatabase } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { add, create, found, stateOf } from './search.ts'

const IMPORT =
  'id name format status error receivedParts receivedBytes readBytes rows added updated unchanged failed faults { row message } task { type status } completedAt'
const mutationOf = (name: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { import { ${IMPORT} } userErrors { code message path } } }`
const IMPORT_CREATE = mutationOf('searchImportCreate')
const IMPORT_APPEND = mutationOf('searchImportAppend')
const IMPORT_READ = `query ($id: ID!) { searchImport(id: $id) { ${IMPORT} } }`
const EXPORT =
  'query ($id: ID!, $first: Int, $after: String) { searchCollectionExport(id: $id, first: $first, after: $after) { content documents endCursor hasNextPage } }'
const TASKS = 'subscription { tasksUpdated(filter: {type: {eq: "search.import"}}) { toStatus task { progress } } }'

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

describe.each(dialects())('imports on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let ben: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    await world.user()
    ada = await world.user()
    ben = await world.user()
  })
  afterAll(() => world.close())

  const read = async (id: string, on = world): Promise<Data> => (await on.ask(IMPORT_READ, { id }, ada)).data.searchImport
  const isOver = ({ task }: Data) => ['COMPLETED', 'FAILED', 'CANCELLED'].includes(task?.status)

  /** How an import stands once its task has ended. */
  async function ended(id: string, on = world): Promise<Data> {
    const follower = await on.follow(TASKS, {}, ada)
    let now = await read(id, on)
    while (!isOver(now)) {
      await follower.take()
      now = await read(id, on)
    }
    await follower.stop()
    return now
  }

  async function imported(collectionId: string, format: string, text: string, over: object = {}): Promise<Data> {
    const { import: made } = await world.does(IMPORT_CREATE, { input: { collectionId, format, text, ...over } }, ada)
    return ended(made.id)
  }
  const documents = async (collectionId: string): Promise<Data[]> =>
    (
      await world.ask(
        'query ($id: ID!) { searchDocuments(filter: {collectionId: {eq: $id}}, orderBy: [{field: CREATED_AT, direction: ASC}], first: 20) { nodes { externalId title content metadata tags } } }',
        { id: collectionId },
        ada,
      )
    ).data.searchDocuments.nodes

  test('lines of JSON become documents, and those that are none are named', async () => {
    const { id } = await create(world, ada)
    const lines = [
      { id: 'a', title: 'First', content: 'the first lantern', tags: ['x'], metadata: { n: 1 }, extra: true },
      '{"content": }',
      { externalId: 'b', text: 'the second lantern' },
      '',
      { externalId: 'c' },
      [1],
      { externalId: 'a', content: 'the first again' },
    ].map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
    const done = await imported(id, 'JSONL', lines.join('\n'), { name: 'lanterns.jsonl' })
    expect(done).toMatchObject({
      name: 'lanterns.jsonl',
      status: 'COMPLETED',
      error: null,
      rows: 6,
      added: 2,
      updated: 1,
      failed: 3,
      task: { type: 'search.import', status: 'COMPLETED' },
    })
    expect(done.faults.map(({ row }: Data) => row)).toEqual([2, 4, 5])
    expect(done.faults[1].message).toBe('content: Is not there')
    expect(await documents(id)).toEqual(
      expect.arrayContaining([
        { externalId: 'a', title: null, content: 'the first again', metadata: {}, tags: [] },
        { externalId: 'b', title: null, content: 'the second lantern', metadata: {}, tags: [] },
      ]),
    )
    expect(await found(world, ada, 'lantern', { collections: [id] })).toEqual(['b'])
    const again = await imported(id, 'JSONL', lines[2]!)
    expect(again).toMatchObject({ added: 0, updated: 0, unchanged: 1 })
    expect(await world.client.searchImportPart.count()).toBe(0)
  })

  test('rows of a CSV become documents, with quotation marks, other separators and other columns', async () => {
    const { id } = await create(world, ada)
    const done = await imported(
      id,
      'CSV',
      '\ufeffID;Title;Text;Tags;Year\r\n1;One;"said ""hello"";\nand went";a|b;1999\r\n2;;plain;;\r\n3;x;y;z;1;too many\r\n',
    )
    expect(done).toMatchObject({ status: 'COMPLETED', rows: 3, added: 2, failed: 1, faults: [{ row: 3, message: 'Has 6 values, and there are 5 columns' }] })
    expect(await documents(id)).toEqual(
      expect.arrayContaining([
        { externalId: '1', title: 'One', content: 'said "hello";\nand went', metadata: { Year: '1999' }, tags: ['a', 'b'] },
        { externalId: '2', title: null, content: 'plain', metadata: {}, tags: [] },
      ]),
    )
  })

  test('texts, Markdown and HTML become one document each, known by the name of the file', async () => {
    const { id } = await create(world, ada)
    await imported(id, 'TEXT', 'Just a text.', { name: 'a.txt' })
    await imported(id, 'MARKDOWN', '```\n# no\n```\n## The heading ##\n\nAnd *more*.', { name: 'b.md' })
    await imported(id, 'HTML', '<!doctype html><title>A &amp; B</title><style>p{}</style><script>alert(1)</script><h1>Hello</h1><p>the <b>whole</b> page</p>', {
      name: 'c.html',
    })
    const [text, markdown, html] = await documents(id)
    expect(text).toMatchObject({ externalId: 'a.txt', title: 'a.txt', content: 'Just a text.', metadata: { file: 'a.txt' } })
    expect(markdown).toMatchObject({ externalId: 'b.md', title: 'The heading' })
    expect(html).toMatchObject({ externalId: 'c.html', title: 'A & B', content: 'Hello\n\nthe whole page' })
    expect(await imported(id, 'TEXT', 'Just another text.', { name: 'a.txt' })).toMatchObject({ added: 0, updated: 1 })
  })

  test('a file that is not what it is said to be is refused, and says why', async () => {
    const { id } = await create(world, ada)
    const base64 = (bytes: string) => ({ text: undefined, base64: Buffer.from(bytes, 'latin1').toString('base64') })
    for (const [format, over, error] of [
      ['JSONL', { text: 'not json at all\n{"content": "x"}' }, 'This is no JSONL: its first line is no JSON object.'],
      ['CSV', { text: 'a,b\n1,2' }, 'The first line of a CSV names its columns, and one of them must be called content (or text).'],
      ['TEXT', base64('%PDF-1.7 …'), 'This is no TEXT: it is a PDF.'],
      ['CSV', base64('PK\u0003\u0004…'), 'This is no CSV: it is a ZIP archive, or an Office document.'],
      ['MARKDOWN', base64('a\u0000b'), 'This is no text: it is not UTF-8, or holds null characters.'],
      ['TEXT', base64('\u00ff\u00fe\u0000'), 'This is no text: it is not UTF-8, or holds null characters.'],
      ['HTML', { text: 'no tags here' }, 'This is no HTML: there is no tag in it.'],
      ['TEXT', { text: ' \n ' }, 'There is no text in it.'],
      ['TEXT', { text: 'a'.repeat(500_001) }, 'Its text has 500001 characters, and a document has at most 500000: cut it into several, as JSONL.'],
    ] as const)
      expect(await imported(id, format, '', over)).toMatchObject({ status: 'REFUSED', error, task: { status: 'FAILED' }, added: 0 })
    expect(await documents(id)).toEqual([])
  })

  test('a page that is meant to never end is given up', async () => {
    const { id } = await create(world, ada)
    const done = await imported(id, 'HTML', '<div>'.repeat(100_000), { name: 'deep.html' })
    expect(done.status).toBe('REFUSED')
  })

  test('a file comes in parts, cut anywhere, and each of them once', async () => {
    const { id } = await create(world, ada)
    const file = Buffer.from(Array.from({ length: 30 }, (_, i) => JSON.stringify({ externalId: String(i), content: `ä lantern №${i} 🎈` })).join('\n'))
    const part = (i: number) => file.subarray(i * 500, (i + 1) * 500).toString('base64')
    const count = Math.ceil(file.length / 500)
    const { import: made } = await world.does(IMPORT_CREATE, { input: { collectionId: id, format: 'JSONL', base64: part(0), isLast: false } }, ada)
    expect(made).toMatchObject({ status: 'RECEIVING', receivedParts: 1, task: null })
    expect(await world.refused(IMPORT_APPEND, { input: { id: made.id, afterPart: 0, base64: part(0) } }, ada)).toMatchObject([
      { code: 'IMPORT_REFUSED', path: ['input', 'afterPart'], message: '1 parts are there: go on with afterPart 1.' },
    ])
    for (let i = 1; i < count; i++) await world.does(IMPORT_APPEND, { input: { id: made.id, afterPart: i, base64: part(i), isLast: i === count - 1 } }, ada)
    expect(await ended(made.id)).toMatchObject({ status: 'COMPLETED', receivedParts: count, receivedBytes: file.length, readBytes: file.length, added: 30 })
    expect(await world.refused(IMPORT_APPEND, { input: { id: made.id, afterPart: count, text: 'x' } }, ada)).toMatchObject([{ code: 'IMPORT_REFUSED' }])
    expect(await found(world, ada, 'lantern 29', { collections: [id] })).toEqual(['29'])
  })

  test('what is wrong with a part is refused, and leaves nothing', async () => {
    const { id: collectionId } = await create(world, ada)
    const before = await stateOf(world)
    const refused = async (over: object) => (await world.refused(IMPORT_CREATE, { input: { collectionId, format: 'TEXT', ...over } }, ada))[0]
    expect(await refused({})).toMatchObject({ path: ['input', 'text'] })
    expect(await refused({ text: 'x', base64: 'eA==' })).toMatchObject({ path: ['input', 'text'] })
    expect(await refused({ text: '' })).toMatchObject({ message: 'The file is empty.' })
    expect(await refused({ base64: '%%' })).toMatchObject({ path: ['input', 'base64'] })
    expect(await refused({ text: 'x'.repeat(700_001) })).toMatchObject({ message: 'A part has at most 700000 bytes; this one has 700001.' })
    expect(await stateOf(world)).toEqual(before)
  })

  test('an import that is stopped in the middle goes on with another server, and nothing is there twice', async () => {
    const scratch = await scratchDatabase(dialect)
    const first = await openWorld(dialect, { url: scratch.url })
    await first.user()
    const email = await first.user()
    const { id } = await create(first, email)
    const rows = Array.from({ length: 8000 }, (_, i) => JSON.stringify({ content: `lantern number ${i}` }))
    const follower = await first.follow('subscription ($id: ID!) { searchCollectionUpdated(id: $id) { kind } }', { id }, email)
    await follower.take()
    const { import: made } = await first.does(IMPORT_CREATE, { input: { collectionId: id, format: 'JSONL', text: rows.join('\n') } }, email)
    const readOn = async (on: World): Promise<Data> => (await on.ask(IMPORT_READ, { id: made.id }, email)).data.searchImport
    await follower.take()
    await first.close()
    const second = await openWorld(dialect, { url: scratch.url })
    const tasks = await second.follow(TASKS, {}, email)
    let now = await readOn(second)
    while (!isOver(now)) {
      await tasks.take()
      now = await readOn(second)
    }
    await tasks.stop()
    expect(now).toMatchObject({ status: 'COMPLETED', rows: 8000, added: 8000, updated: 0, failed: 0 })
    const { data } = await second.ask(
      'query ($id: ID!) { searchCollection(id: $id) { documents(first: 1) { totalCount } } search(input: {query: "lantern", first: 1}) { totalCount } }',
      { id },
      email,
    )
    expect(data).toEqual({ searchCollection: { documents: { totalCount: 8000 } }, search: { totalCount: 8000 } })
    await second.close()
    await scratch.drop()
  })

  test('a collection is written out page by page, and read again as it was', async () => {
    const { id } = await create(world, ada)
    for (let i = 0; i < 7; i++)
      await add(world, ada, id, `lantern ${i}\nsecond line`, { externalId: `e${i}`, title: i % 2 ? `T${i}` : undefined, tags: ['t', `t${i}`], metadata: { i } })
    let text = ''
    let after: string | undefined
    const pages: number[] = []
    for (let hasNextPage = true; hasNextPage; ) {
      const { data } = await world.ask(EXPORT, { id, first: 3, after }, ada)
      text += data.searchCollectionExport.content
      pages.push(data.searchCollectionExport.documents)
      ;({ hasNextPage, endCursor: after } = data.searchCollectionExport)
    }
    expect(pages).toEqual([3, 3, 1])
    const { id: copy } = await create(world, ada)
    expect(await imported(copy, 'JSONL', text)).toMatchObject({ added: 7, failed: 0 })
    const byId = (list: Data[]) => list.sort((a, b) => (a.externalId < b.externalId ? -1 : 1))
    expect(byId(await documents(copy))).toEqual(byId(await documents(id)))
  })

  test('words are suggested as they are written, with the words before them', async () => {
    const { id } = await create(world, ada)
    for (const text of ['Harbour lights', 'harbour lanterns', 'harbour lights again', 'light rain']) await add(world, ada, id, text)
    const suggest = async (text: string, user = ada, collections: string[] | null = [id]) =>
      (
        await world.ask('query ($input: SearchSuggestInput!) { searchSuggest(input: $input) { text count } }', { input: { text, collections } }, user)
      ).data?.searchSuggest.map(({ text, count }: Data) => `${text} ${count}`)
    expect(await suggest('harbour li')).toEqual(['harbour lights 2'])
    expect(await suggest('li')).toEqual(['lights 2', 'light 1'])
    expect(await suggest('HARB')).toEqual(['harbour 3'])
    expect(await suggest('"harbour" -la')).toEqual(['"harbour" -lanterns 1'])
    expect(await suggest('l')).toEqual([])
    expect(await suggest('harbour ')).toEqual([])
    expect(await suggest('')).toEqual([])
    expect(await suggest('harb', ben, null)).toEqual([])
    expect(await suggest('harb', ben)).toBeUndefined()
  })

  test('another user neither sees nor goes on with it', async () => {
    const { id } = await create(world, ada)
    const { import: made } = await world.does(IMPORT_CREATE, { input: { collectionId: id, format: 'TEXT', text: 'half', isLast: false } }, ada)
    const before = await stateOf(world)
    for (const of of [made.id, `SearchImport:${newId()}`]) {
      expect(await world.refused(IMPORT_APPEND, { input: { id: of, afterPart: 1, text: 'x' } }, ben)).toMatchObject([
        { code: 'NOT_FOUND', path: ['input', 'id'] },
      ])
      expect(
        (await world.ask('query ($id: ID!) { searchImport(id: $id) { id } node(id: $id) { id } searchImports { totalCount } }', { id: of }, ben)).data,
      ).toEqual({ searchImport: null, node: null, searchImports: { totalCount: 0 } })
    }
    expect((await world.ask(EXPORT, { id }, ben)).data.searchCollectionExport).toBeNull()
    expect(await world.refused(IMPORT_CREATE, { input: { collectionId: id, format: 'TEXT', text: 'x' } }, ben)).toMatchObject([{ code: 'NOT_FOUND' }])
    expect(await stateOf(world)).toEqual(before)
  })
})
