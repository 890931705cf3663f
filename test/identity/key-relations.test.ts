import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { completes, create, openTaskWorld, type TaskWorld } from '../tasks/task.ts'
import { keyOf } from '../tasks/work/work.ts'

describe.each(dialects())('what leads from one thing to another, on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  it('leads a key only to what it may read', async () => {
    const { id } = await create(on.world, on.ada, { params: { note: 'of the task' } })
    await on.world.does(
      'mutation ($input: ConversationCreateInput!) { conversationCreate(input: $input) { userErrors { message } } }',
      { input: { taskId: id } },
      on.ada,
    )
    await (await on.held.run(id)).task.openStream({})
    await completes(on, on.ada, id)
    for (const [list, scope] of [
      ['conversations', 'CONVERSATIONS_READ'],
      ['streams', 'STREAMS_READ'],
    ] as const) {
      const query = `{ ${list} { nodes { id task { id params } } } }`
      const both = await on.world.ask(query, {}, await keyOf(on.world, on.ada, [scope, 'TASKS_READ']))
      expect(both.data[list].nodes).toMatchObject([{ task: { id, params: { note: 'of the task' } } }])
      const one = await on.world.ask(query, {}, await keyOf(on.world, on.ada, [scope]))
      expect(one.data[list].nodes).toMatchObject([{ id: both.data[list].nodes[0].id, task: null }])
      expect(one.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' }, path: [list, 'nodes', 0, 'task'] }])
    }
  })
})
