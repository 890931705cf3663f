import { describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { World } from '../kit/world.ts'

const CREATE = 'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code message } } }'
const UPDATE = 'mutation ($input: TaskUpdateInput!) { taskUpdate(input: $input) { userErrors { code message } } }'
const DELETE = 'mutation ($input: TaskDeleteInput!) { taskDelete(input: $input) { deletedId userErrors { code message } } }'

describe.each(dialects())('on %s a part that its whole waits for', (dialect) => {
  it('is told as it was in the end when it is deleted: cancelled with its whole, and counted so', async () => {
    const world = await World.open(dialect, { env: { TASK_CONCURRENCY: '0' } })
    try {
      const ada = await world.user('ada')
      const make = async (input: object) =>
        (await world.does(CREATE, { input: { type: 'http.request', params: { url: 'http://127.0.0.1:1/' }, runImmediately: false, ...input } }, ada)).task.id
      const whole = await make({})
      const part = await make({ parentId: whole })
      await world.does(UPDATE, { input: { id: whole, dependsOn: [part] } }, ada)
      await world.does(DELETE, { input: { id: part } }, ada)
      const { data } = await world.ask('{ taskStats { total byStatus { status count } } tasks { nodes { id status } } }', {}, ada)
      expect(data.tasks.nodes).toEqual([{ id: whole, status: 'CANCELLED' }])
      expect(data.taskStats.total).toBe(1)
      expect(data.taskStats.byStatus.filter(({ count }: { count: number }) => count !== 0)).toEqual([{ status: 'CANCELLED', count: 1 }])
    } finally {
      await world.close()
    }
  })
})
