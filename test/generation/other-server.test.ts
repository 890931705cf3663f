import { once } from 'node:events'
import { expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld } from '../kit/world.ts'
import { CANCEL, whenStatus } from '../tasks/task.ts'
import { ask, chunk, events, openAnswers, streamOf } from './answers.ts'

// A SQLite file has one server.
it.runIf(dialects().includes('postgresql'))('a cancel on another server closes the provider’s request, and keeps the words and the call', async () => {
  const on = await openAnswers('postgresql')
  const other = await openWorld('postgresql', { url: on.world.url, env: { TASK_CONCURRENCY: '0' } })
  let closed!: Promise<unknown>
  const arrived = new Promise<void>((resolve) => {
    on.raw.respond = (_request, response) => {
      closed = once(response, 'close')
      events(response).write(chunk({ content: 'Once' }), () => resolve())
    }
  })
  const { id } = await ask(on, { prompt: 'a story', model: 'raw/m' })
  await arrived
  const live = await other.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { text status } }', { id: (await streamOf(on, id)).id }, on.ada)
  await live.until(({ text }) => text === 'Once')
  await other.does(CANCEL, { input: { id } }, on.ada)
  await closed
  await whenStatus(on.world, on.ada, id, 'CANCELLED')
  expect(await streamOf(on, id)).toMatchObject({ status: 'CANCELLED', text: 'Once' })
  expect(on.meter.calls).toMatchObject([{ wrote: ['Once'], ends: [{ ending: { status: 'CANCELLED' } }] }])
  await live.stop()
  await other.close()
  await on.close()
})
