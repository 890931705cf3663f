import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { messageAdd } from '../../src/conversations/message-add.ts'
import { messagesSearch } from '../../src/conversations/messages-search.ts'
import { server } from '../../src/core/actor.ts'
import { reading, transact } from '../../src/events/transact.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import type { TestUser } from '../kit/world.ts'
import { bare, create as createTask, openTaskWorld, type TaskWorld } from '../tasks/task.ts'
import { ARCHIVE, CREATE, create, EVENTS, FORK, kindsOf, newConversationId, read, SELECT, send, stateOf, UNARCHIVE, UPDATE } from './conversation.ts'

/** A world where nothing is answered, so that all stays as it was said. */
describe.each(dialects())('conversations on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0', MAX_COST: '1000000' } })
  })
  afterAll(() => on.world.close())

  /** Lays messages down behind each other, without asking anybody. Answers their ids. */
  const say = async (user: TestUser, conversationId: string, texts: readonly string[]): Promise<string[]> => {
    const { result } = await transact(on.world.app.store, server, async (work) => {
      const [head] = await work.rows<{ headId: string | null }>(Prisma.sql`SELECT "headId" FROM "Conversation" WHERE "id" = ${bare(conversationId)}`)
      const ids = []
      let parentId = head!.headId
      for (const [i, text] of texts.entries()) {
        const role = i % 2 ? 'ASSISTANT' : 'USER'
        const parts = [{ type: 'TEXT', text } as const]
        parentId = (await messageAdd(work, { conversationId: bare(conversationId), ownerId: bare(user.id), parentId, role, status: 'COMPLETED', parts })).id
        ids.push(`Message:${parentId}`)
      }
      await work.execute(Prisma.sql`UPDATE "Conversation" SET "headId" = ${parentId} WHERE "id" = ${bare(conversationId)}`)
      return ids
    })
    return result
  }
  const ask = async (query: string, variables: object = {}, user = on.ada) => (await on.world.ask(query, variables as never, user)).data

  it('are created, changed, put away and taken out again', async () => {
    const task = await createTask(on.world, on.ada, { runImmediately: false })
    const settings = { temperature: 0.5, tools: ['http.get'], fallbackModels: ['openai/b'], memory: true }
    const input = { title: 'France', agent: 'guide', sessionKey: 'trip', system: 'Be brief.', model: 'openai/a', settings, metadata: { a: 1 } }
    const made = await create(on.world, on.ada, { ...input, taskId: task.id })
    expect(made).toMatchObject({ ...input, task: { id: task.id }, settings: { ...settings, maxOutputTokens: null }, head: null, archivedAt: null })
    const change = { id: made.id, title: null, model: 'openai/c', settings: { temperature: null, maxOutputTokens: 9 }, metadata: null }
    const { conversation } = await on.world.does(UPDATE, { input: change }, on.ada)
    expect(conversation).toMatchObject({
      title: null,
      agent: 'guide',
      model: 'openai/c',
      settings: { temperature: null, maxOutputTokens: 9, tools: ['http.get'], memory: true },
      metadata: null,
    })
    for (const _ of [1, 2]) expect((await on.world.does(ARCHIVE, { input: { id: made.id } }, on.ada)).conversation.archivedAt).not.toBeNull()
    for (const _ of [1, 2]) expect((await on.world.does(UNARCHIVE, { input: { id: made.id } }, on.ada)).conversation.archivedAt).toBeNull()
    expect(await kindsOf(on.world, made.id)).toEqual(['CREATED', 'UPDATED', 'ARCHIVED', 'UNARCHIVED'])
  })

  it('refuse what they cannot be, and what is not one’s own', async () => {
    const { id } = await create(on.world, on.ada)
    const task = await createTask(on.world, on.ada, { runImmediately: false })
    const before = await stateOf(on.world)
    for (const [input, field] of [
      [{ title: ' ' }, 'title'],
      [{ agent: 'x'.repeat(201) }, 'agent'],
      [{ system: 'x'.repeat(20_001) }, 'system'],
      [{ metadata: { a: 'x'.repeat(20_000) } }, 'metadata'],
      [{ id: 'x' }, 'id'],
    ] as const)
      expect(await on.world.refused(CREATE, { input }, on.ada)).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', field] }])
    expect(await on.world.refused(CREATE, { input: { taskId: task.id } }, on.bob)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'taskId'] }])
    const missing = [{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Conversation not found.' }]
    for (const mutation of [UPDATE, ARCHIVE, UNARCHIVE]) {
      expect(await on.world.refused(mutation, { input: { id } }, on.bob)).toEqual(missing)
      expect(await on.world.refused(mutation, { input: { id: newConversationId() } }, on.ada)).toEqual(missing)
    }
    expect(await stateOf(on.world)).toEqual(before)
    expect(await read(on.world, on.bob, id)).toBeNull()
    expect(await read(on.world, on.admin, id)).not.toBeNull()
  })

  it('are found by agent, session, task and time, in the order that is asked for', async () => {
    const user = await on.world.user('lister')
    const task = await createTask(on.world, user, { runImmediately: false })
    const made: string[] = []
    for (const input of [{ agent: 'a', sessionKey: 's' }, { agent: 'a' }, { agent: 'b', sessionKey: 's', taskId: task.id }])
      made.push((await create(on.world, user, input)).id)
    await on.world.does(ARCHIVE, { input: { id: made[1] } }, user)
    const found = async (filter: object | null, orderBy: object[] | null = null) =>
      (
        await ask(
          'query ($filter: ConversationFilter, $orderBy: [ConversationOrder!]) { conversations(filter: $filter, orderBy: $orderBy) { totalCount nodes { id } } }',
          { filter, orderBy },
          user,
        )
      ).conversations.nodes.map(({ id }: { id: string }) => made.indexOf(id))
    expect(await found(null)).toEqual([2, 1, 0])
    expect(await found({ agent: { eq: 'a' } })).toEqual([1, 0])
    expect(await found({ sessionKey: { eq: 's' } })).toEqual([2, 0])
    expect(await found({ taskId: { eq: task.id } })).toEqual([2])
    expect(await found({ archivedAt: { isNull: true } })).toEqual([2, 0])
    expect(await found({ createdAt: { lt: '2001-01-01T00:00:00Z' } })).toEqual([])
    expect(await found(null, [{ field: 'UPDATED_AT', direction: 'DESC' }])).toEqual([1, 2, 0])
  })

  it('show long ways by pages, from either end, wherever they lie', async () => {
    const { id } = await create(on.world, on.ada)
    const texts = Array.from({ length: 230 }, (_, i) => `${i}`)
    await say(on.ada, id, texts)
    const page = async (args: string) =>
      (
        await ask(
          `query ($id: ID!) { conversation(id: $id) { messages(${args}) { totalCount nodes { text depth } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
          { id },
        )
      ).conversation.messages
    for (const order of ['OLDEST_FIRST', 'NEWEST_FIRST']) {
      const expected = order === 'OLDEST_FIRST' ? texts : [...texts].reverse()
      const forwards = []
      for (let after = ''; ; ) {
        const { nodes, pageInfo, totalCount } = await page(`order: ${order}, first: 37${after}`)
        expect(totalCount).toBe(230)
        forwards.push(...nodes.map(({ text }: { text: string }) => text))
        if (!pageInfo.hasNextPage) break
        after = `, after: "${pageInfo.endCursor}"`
      }
      expect(forwards).toEqual(expected)
      const backwards = []
      for (let before = ''; ; ) {
        const { nodes, pageInfo } = await page(`order: ${order}, last: 41${before}`)
        backwards.unshift(...nodes.map(({ text }: { text: string }) => text))
        if (!pageInfo.hasPreviousPage) break
        before = `, before: "${pageInfo.startCursor}"`
      }
      expect(backwards).toEqual(expected)
    }
    const some = await page('order: NEWEST_FIRST, first: 10')
    const between = await page(`order: NEWEST_FIRST, first: 10, after: "${some.pageInfo.startCursor}", before: "${some.pageInfo.endCursor}"`)
    expect(between.nodes).toEqual(some.nodes.slice(1, -1))
    const bad = await on.world.ask(`query ($id: ID!) { conversation(id: $id) { messages(after: "x") { nodes { id } } } }`, { id }, on.ada)
    expect(bad.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
  })

  it('every message of a way jumps to one on it, so that any is found in few steps', async () => {
    const { id } = await create(on.world, on.ada)
    await say(
      on.ada,
      id,
      Array.from({ length: 500 }, (_, i) => `${i}`),
    )
    const rows = await on.world.client.message.findMany({ where: { conversationId: bare(id) }, orderBy: { depth: 'asc' } })
    const byId = new Map(rows.map((row) => [row.id, row]))
    for (const row of rows.slice(1)) {
      expect(byId.get(row.jumpId!)!.depth).toBe(row.jumpDepth)
      expect(byId.get(row.parentId!)!.depth).toBe(row.depth - 1)
    }
    const steps = (to: number) => {
      let [at, count] = [rows[499]!, 0]
      for (; at.depth > to; count++) at = byId.get(at.jumpDepth !== null && at.jumpDepth >= to ? at.jumpId! : at.parentId!)!
      return count
    }
    for (let to = 0; to < 499; to++) expect(steps(to)).toBeLessThanOrEqual(3 * Math.log2(500))
  })

  it('are searched for words, in one’s own messages only', async () => {
    const user = await on.world.user('searcher')
    const [first, second] = [await create(on.world, user), await create(on.world, user)]
    await say(user, first.id, ['The quick brown fox', '100% of it', 'under_score \\ slash'])
    await say(user, second.id, ['A slow BROWN bear'])
    const found = async (query: string, by = user, more = '') =>
      (
        await ask(`query ($query: String!) { messagesSearch(query: $query${more}) { totalCount nodes { text conversation { id } } } }`, { query }, by)
      ).messagesSearch.nodes.map(({ text }: { text: string }) => text)
    expect(await found('brown')).toEqual(['A slow BROWN bear', 'The quick brown fox'])
    expect(await found('fox  QUICK')).toEqual(['The quick brown fox'])
    expect(await found('0%')).toEqual(['100% of it'])
    expect(await found('r_s \\')).toEqual(['under_score \\ slash'])
    expect(await found('brown', user, `, conversationId: "${first.id}"`)).toEqual(['The quick brown fox'])
    expect(await found('brown', user, ', first: 1')).toEqual(['A slow BROWN bear'])
    expect(await found('brown', on.bob)).toEqual([])
    expect(await found('brown', on.admin)).toEqual([])
    for (const query of ['', '  ', 'x'.repeat(201)])
      expect(
        (await on.world.ask('query ($query: String!) { messagesSearch(query: $query) { totalCount } }', { query }, user)).errors?.[0]?.extensions.code,
      ).toBe('BAD_USER_INPUT')
    const work = reading(on.world.app.store, { kind: 'deputy', userId: bare(user.id), role: 'USER' })
    expect(await messagesSearch(work, { query: 'brown', first: 1 })).toMatchObject([
      { text: 'A slow BROWN bear', conversationId: bare(second.id), role: 'USER' },
    ])
    expect(await messagesSearch(work, { query: 'brown', conversationId: bare(first.id) })).toMatchObject([{ text: 'The quick brown fox' }])
  })

  it('are written out as JSON and Markdown', async () => {
    const { id } = await create(on.world, on.ada, { title: 'France', system: 'Be brief.', agent: 'guide' })
    const [asked, answered] = await say(on.ada, id, ['the capital?', 'Paris'])
    const calls = [
      { type: 'TOOL_CALL', callId: '1', name: 'look.up', input: { of: 'France' } },
      { type: 'TOOL_RESULT', callId: '1', name: 'look.up', output: 'Paris ``` France', isError: false },
      { type: 'TEXT', text: 'Paris' },
    ]
    await on.world.client.message.update({
      where: { id: bare(answered!) },
      data: { parts: calls, toolsInvoked: ['look.up'], model: 'm', provider: 'p', agent: 'guide' },
    })
    const written = async (format: string, user = on.ada) =>
      (
        await ask(
          'query ($id: ID!, $format: ConversationExportFormat!) { conversationExport(id: $id, format: $format) { content contentType messages isComplete } }',
          { id, format },
          user,
        )
      ).conversationExport
    const json = await written('JSON')
    expect(json).toMatchObject({ contentType: 'application/json', messages: 2, isComplete: true })
    expect(JSON.parse(json.content)).toMatchObject({
      id,
      title: 'France',
      system: 'Be brief.',
      messages: [
        { id: asked, role: 'USER', text: 'the capital?', createdAt: expect.stringMatching(/^20.*Z$/) },
        { id: answered, parentId: asked, role: 'ASSISTANT', parts: calls, toolsInvoked: ['look.up'], model: 'm' },
      ],
    })
    const markdown = await written('MARKDOWN')
    expect(markdown.contentType).toBe('text/markdown')
    expect(markdown.content.replace(/\d{4}-\S+Z/g, 'TIME')).toBe(
      '# France\n\nBegun TIME.\n\n## Instructions\n\nBe brief.\n\n## User\n\n*TIME*\n\nthe capital?\n\n## guide\n\n*TIME · p/m*\n\n' +
        'Calls `look.up`:\n\n```json\n{\n  "of": "France"\n}\n```\n\n`look.up` answered:\n\n````\nParis ``` France\n````\n\nParis\n',
    )
    expect(await written('JSON', on.bob)).toBeNull()
  })

  it('are followed: how one stands first, then every change of it and its messages', async () => {
    const { id } = await create(on.world, on.ada)
    const live = await on.world.follow(EVENTS, { id }, on.ada)
    expect(await live.take()).toMatchObject({ kind: 'SNAPSHOT', conversationId: id, conversation: { head: null }, message: null })
    const sent = await send(on.world, on.ada, { conversationId: id, text: 'hello' })
    const asked = await live.take()
    expect(asked).toMatchObject({ kind: 'MESSAGE_ADDED', message: { id: sent.message.id, text: 'hello' }, data: { role: 'USER', parentId: null } })
    expect(await live.take()).toMatchObject({
      kind: 'MESSAGE_ADDED',
      message: { id: sent.answer.id, status: 'PENDING' },
      data: { streamId: sent.stream.id, taskId: sent.task.id },
    })
    await on.world.does(
      'mutation ($input: TaskCancelInput!) { taskCancel(input: $input) { userErrors { code message } } }',
      { input: { id: sent.task.id } },
      on.ada,
    )
    expect(await live.take()).toMatchObject({ kind: 'MESSAGE_CANCELLED', message: { id: sent.answer.id } })
    await on.world.does(SELECT, { input: { id, messageId: sent.message.id } }, on.ada)
    await on.world.does(
      'mutation ($input: ConversationDeleteInput!) { conversationDelete(input: $input) { userErrors { code message } } }',
      { input: { id } },
      on.ada,
    )
    expect(await live.take()).toMatchObject({ kind: 'DELETED', conversation: null })
    expect((await live.next()).done).toBe(true)
    const again = await on.world.follow(EVENTS, { id, after: asked.cursor }, on.ada)
    expect((await again.until(({ kind }) => kind === 'DELETED')).map(({ kind }) => kind)).toEqual(['MESSAGE_ADDED', 'MESSAGE_CANCELLED', 'DELETED'])
    await again.stop()
    const other = await on.world.follow(EVENTS, { id: (await create(on.world, on.ada)).id }, on.bob)
    await expect(other.take()).rejects.toThrow('NOT_FOUND')
  })

  it('issue as many statements for many rows as for few', async () => {
    const user = await on.world.user('counter')
    const LISTS = {
      'conversations with their messages':
        'conversations(first: 20) { totalCount nodes { id title owner { id } task { id } head { id text } forkedFrom { id } messages(first: 3) { totalCount nodes { id text parts { text } parent { id } conversation { id } } } } }',
      'newest first':
        'conversations(first: 20) { nodes { messages(first: 2, order: NEWEST_FIRST) { nodes { text stream { id text } task { id status } insteadOf { id } } } } }',
      'with their forks': 'conversations(first: 20) { nodes { forks(first: 2) { totalCount nodes { id forkedAt { id text } } } } }',
      'messages with their siblings':
        'messagesSearch(query: "said", first: 20) { totalCount nodes { id siblings(first: 3) { totalCount nodes { id text } } } }',
      'tasks with their messages': 'tasks(first: 20) { nodes { id messages(first: 3) { totalCount nodes { id text } } } }',
      'streams with their messages': 'streams(first: 20) { nodes { id message { id text conversation { id } } } }',
    }
    const fill = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const task = await createTask(on.world, user, { runImmediately: false })
        const { conversation, message } = await send(on.world, user, { text: `said ${i}`, taskId: task.id })
        await send(on.world, user, { conversationId: conversation.id, text: `said again ${i}` })
        await on.world.does(FORK, { input: { conversationId: conversation.id, messageId: message.id } }, user)
      }
    }
    const counts = async () => {
      const found: Record<string, number> = {}
      for (const [name, list] of Object.entries(LISTS)) {
        const { answer, statements } = await statementsOf(() => on.world.ask(`{ ${list} }`, {}, user))
        expect(answer.errors).toBeUndefined()
        found[name] = statements.length
      }
      return found
    }
    await fill(2)
    await counts()
    const few = await counts()
    await fill(8)
    expect(await counts()).toEqual(few)
    for (const [name, count] of Object.entries(few)) expect(`${name}: ${count > 0 && count <= 15}`).toBe(`${name}: true`)
  })

  it('take no more waiting answers than they may', async () => {
    const { id } = await create(on.world, on.ada)
    for (let i = 0; i < 50; i++) await send(on.world, on.ada, { conversationId: id, text: `${i}` })
    const [error] = await on.world.refused(
      'mutation ($input: MessageSendInput!) { messageSend(input: $input) { userErrors { code path message } } }',
      { input: { conversationId: id, text: 'one more' } },
      on.ada,
    )
    expect(error).toMatchObject({ code: 'CONVERSATION_BUSY', path: ['input', 'whenBusy'] })
    const sent = await send(on.world, on.ada, { conversationId: id, text: 'now', whenBusy: 'INTERRUPT' })
    const statuses = await on.world.client.message.groupBy({ by: ['status'], where: { conversationId: bare(id), role: 'ASSISTANT' }, _count: true })
    expect(Object.fromEntries(statuses.map(({ status, _count }) => [status, _count]))).toEqual({ CANCELLED: 50, PENDING: 1 })
    expect(sent.conversation.head.id).toBe(sent.answer.id)
  })
})
