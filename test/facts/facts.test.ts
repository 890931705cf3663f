import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MAX_METADATA_BYTES, MAX_TAGS, MAX_TEXT } from '../../src/facts/fact.ts'
import { create as createConversation, send } from '../conversations/conversation.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { bare, create as createTask, DELETE as DELETE_TASK, newTaskId, openTaskWorld, type TaskWorld } from '../tasks/task.ts'
import { CREATE, create, DELETE, FACT, kindsOf, newFactId, read, stateOf, UPDATE } from './fact.ts'

describe.each(dialects())('facts on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
  })
  afterAll(() => on.world.close())

  const refused = (input: object, mutation = CREATE, user = on.ada) => on.world.refused(mutation, { input }, user)
  const fault = (code: string, ...path: string[]) => expect.objectContaining({ code, path: ['input', ...path] })
  const aMessage = async (user = on.ada) => (await send(on.world, user, { text: 'hello' })).message

  it('keep every field they are given', async () => {
    const [task, message] = [await createTask(on.world, on.ada), await aMessage()]
    const given = { id: newFactId(), text: 'Ada’s cat is called “Möhre” – 胡萝卜 🥕\n(since 2024)', metadata: { by: 'vet', sure: 0.5, deep: { a: [1, null] } } }
    const fact = await create(on.world, on.ada, { ...given, tags: ['pets', 'über', 'Pets', 'pets'], taskId: task.id, messageId: message.id })
    expect(fact).toMatchObject({ ...given, tags: ['Pets', 'pets', 'über'], task: { id: task.id }, message: { id: message.id }, owner: { id: on.ada.id } })
    expect(Date.parse(fact.updatedAt)).toBeGreaterThanOrEqual(Date.parse(fact.createdAt))
    expect(await read(on.world, on.ada, fact.id)).toEqual(fact)
    const { data } = await on.world.ask(`query ($id: ID!) { node(id: $id) { ... on Fact { ${FACT} } } }`, { id: fact.id }, on.ada)
    expect(data.node).toEqual(fact)
    expect(await create(on.world, on.ada, { text: 'bare' })).toMatchObject({ tags: [], metadata: null, task: null, message: null })
  })

  it.each([
    ['no text', { text: '' }, ['text']],
    ['a blank text', { text: ' \n\t\u3000' }, ['text']],
    ['a text that is too long', { text: 'x'.repeat(MAX_TEXT + 1) }, ['text']],
    ['half a character', { text: 'x\ud800' }, ['text']],
    ['an empty tag', { tags: ['a', ''] }, ['tags', '1']],
    ['a long tag', { tags: ['x'.repeat(101)] }, ['tags', '0']],
    ['too many tags', { tags: Array.from({ length: MAX_TAGS + 1 }, (_, i) => String(i)) }, ['tags']],
    ['metadata that is a list', { metadata: [1] }, ['metadata']],
    ['too much metadata', { metadata: { a: 'x'.repeat(MAX_METADATA_BYTES) } }, ['metadata']],
    ['an id of another type', { id: newTaskId() }, ['id']],
    ['a task that is not there', { taskId: newTaskId() }, ['taskId'], 'NOT_FOUND'],
    ['a message that is a task', { messageId: newTaskId() }, ['messageId'], 'NOT_FOUND'],
  ])('are refused with %s, and nothing changes', async (_what, input, path, code = 'BAD_USER_INPUT') => {
    const before = await stateOf(on.world)
    expect(await refused({ text: 'a fact', ...input })).toEqual([fault(code, ...path)])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('come from tasks and messages of their owner alone, also an ADMIN’s', async () => {
    const [task, message] = [await createTask(on.world, on.bob), await aMessage(on.bob)]
    const mine = await create(on.world, on.ada, { text: 'mine' })
    const before = await stateOf(on.world)
    for (const user of [on.ada, on.admin])
      for (const [field, id] of [
        ['taskId', task.id],
        ['messageId', message.id],
      ]) {
        expect(await refused({ text: 'x', [field!]: id }, CREATE, user)).toEqual([fault('NOT_FOUND', field!)])
        expect(await refused({ id: mine.id, [field!]: id }, UPDATE, user)).toEqual([fault('NOT_FOUND', field!)])
      }
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('are shown with their task and message, and outlive them', async () => {
    const task = await createTask(on.world, on.ada, { runImmediately: false })
    const { conversation, message } = await send(on.world, on.ada, { text: 'I am left-handed.' })
    const [first, second] = [
      await create(on.world, on.ada, { text: 'one', taskId: task.id, messageId: message.id }),
      await create(on.world, on.ada, { text: 'two', taskId: task.id }),
    ]
    const query = `query ($task: ID!, $message: ID!) { task(id: $task) { facts { totalCount nodes { id } } } node(id: $message) { ... on Message { facts { nodes { id } } } } }`
    const { data } = await on.world.ask(query, { task: task.id, message: message.id }, on.ada)
    expect(data.task.facts).toEqual({ totalCount: 2, nodes: [{ id: second.id }, { id: first.id }] })
    expect(data.node.facts.nodes).toEqual([{ id: first.id }])
    await on.world.does(DELETE_TASK, { input: { id: task.id } }, on.ada)
    await on.world.does(
      'mutation ($input: ConversationDeleteInput!) { conversationDelete(input: $input) { deletedId userErrors { code message } } }',
      { input: { id: conversation.id } },
      on.ada,
    )
    expect(await read(on.world, on.ada, first.id)).toMatchObject({ text: 'one', task: null, message: null })
  })

  it('are made once, whether sent again by their id or by a key', async () => {
    const input = { id: newFactId(), text: 'once only', tags: ['a'] }
    const made = await Promise.all([1, 2, 3].map(() => create(on.world, on.ada, input)))
    expect(new Set(made.map(({ id }) => id))).toEqual(new Set([input.id]))
    expect(await kindsOf(on.world, input.id)).toEqual(['CREATED'])
    expect(await refused({ ...input, text: 'other' })).toEqual([fault('IDEMPOTENCY_MISMATCH', 'id')])
    expect(await refused({ ...input }, CREATE, on.bob)).toEqual([fault('ID_TAKEN', 'id')])
    const keyed = { text: 'keyed', idempotencyKey: 'k' }
    const again = await Promise.all([1, 2].map(() => create(on.world, on.ada, keyed)))
    expect(again[0]).toEqual(again[1])
  })

  it('are changed as far as is asked for, and told', async () => {
    const task = await createTask(on.world, on.ada)
    const fact = await create(on.world, on.ada, { text: 'The sky is blue.', tags: ['sky', 'blue'], metadata: { a: 1 }, taskId: task.id })
    const change = async (input: object) => (await on.world.does(UPDATE, { input: { id: fact.id, ...input } }, on.ada)).fact
    const { updatedAt: _then, ...rest } = fact
    expect(await change({ text: 'The sky is grey.' })).toMatchObject({ ...rest, text: 'The sky is grey.' })
    expect(await change({ tags: ['sky', 'grey'], metadata: { b: 2 } })).toMatchObject({
      ...rest,
      text: 'The sky is grey.',
      tags: ['grey', 'sky'],
      metadata: { b: 2 },
    })
    const cleared = await change({ tags: null, metadata: null, taskId: null })
    expect(cleared).toMatchObject({ tags: [], metadata: null, task: null })
    expect(await change({})).toEqual(cleared)
    expect(await refused({ id: fact.id, text: ' ' }, UPDATE)).toEqual([fault('BAD_USER_INPUT', 'text')])
    const events = await on.world.client.event.findMany({ where: { subjectId: bare(fact.id) }, orderBy: { position: 'asc' } })
    expect(events.map(({ kind }) => kind)).toEqual(['FACT_CREATED', 'FACT_UPDATED', 'FACT_UPDATED', 'FACT_UPDATED'])
    expect(events[1]!.data).toMatchObject({ text: 'The sky is grey.', before: { text: 'The sky is blue.' } })
    expect(events[2]!.data).toMatchObject({ tags: ['grey', 'sky'], before: { tags: ['blue', 'sky'], metadata: { a: 1 } } })
  })

  it('lose no change where two make one at once', async () => {
    const fact = await create(on.world, on.ada, { text: 'raced', tags: ['a'] })
    await Promise.all(
      [{ tags: ['b'] }, { metadata: { c: 1 } }, { text: 'won' }].map((input) => on.world.does(UPDATE, { input: { id: fact.id, ...input } }, on.ada)),
    )
    expect(await read(on.world, on.ada, fact.id)).toMatchObject({ text: 'won', tags: ['b'], metadata: { c: 1 } })
  })

  it('are gone once deleted, once, with all that belongs to them', async () => {
    const { id } = await create(on.world, on.ada, { text: 'short-lived', tags: ['a'] })
    const removed = await Promise.all([1, 2].map(() => on.world.ask(DELETE, { input: { id } }, on.ada)))
    expect(removed.map(({ data }) => data.factDelete.deletedId).sort()).toEqual([id, null])
    expect(await read(on.world, on.ada, id)).toBeNull()
    expect(await on.world.client.factTag.count({ where: { factId: bare(id) } })).toBe(0)
    expect(await on.world.client.textItem.count({ where: { id: bare(id) } })).toBe(0)
    expect(await refused({ id, text: 'x' }, UPDATE)).toEqual([fault('NOT_FOUND', 'id')])
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'DELETED'])
  })

  it('do not exist for others; ADMINs see and mend them', async () => {
    const fact = await create(on.world, on.ada, { text: 'a secret of Ada’s' })
    const before = await stateOf(on.world)
    expect(await read(on.world, on.bob, fact.id)).toBeNull()
    expect((await on.world.ask(`query ($id: ID!) { node(id: $id) { id } }`, { id: fact.id }, on.bob)).data.node).toBeNull()
    for (const [mutation, input] of [
      [UPDATE, { id: fact.id, text: 'Bob’s' }],
      [DELETE, { id: fact.id }],
    ] as const)
      expect(await refused(input, mutation, on.bob)).toEqual([fault('NOT_FOUND', 'id')])
    expect((await on.world.ask(READ_ALL, {}, on.bob)).data.facts.nodes).toEqual([])
    expect(await stateOf(on.world)).toEqual(before)
    expect(await read(on.world, on.admin, fact.id)).toEqual(fact)
    const mended = (await on.world.does(UPDATE, { input: { id: fact.id, text: 'mended' } }, on.admin)).fact
    expect(mended).toMatchObject({ text: 'mended', owner: { id: on.ada.id } })
    expect((await on.world.ask(CREATE, { input: { text: 'x' } })).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })
  const READ_ALL = '{ facts { nodes { id } } }'

  it('of a page are read by a few statements, with all that belongs to them', async () => {
    const cy = await on.world.user('cy')
    const { id } = await createConversation(on.world, cy)
    const { message } = await send(on.world, cy, { conversationId: id, text: 'x' })
    for (const text of ['a', 'b', 'c']) await create(on.world, cy, { text, tags: ['t', text], messageId: message.id })
    const { answer, statements } = await statementsOf(() =>
      on.world.ask(`{ facts(first: 10, filter: { tags: { any: ["t"] } }) { totalCount nodes { ${FACT} } } }`, {}, cy),
    )
    expect(answer.data.facts.nodes.map(({ text }: { text: string }) => text)).toEqual(['c', 'b', 'a'])
    // Who asks, the page, the count, the rows with tags, tasks and owners, and the messages.
    expect(statements.length).toBeLessThanOrEqual(9)
  })
})
