import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld, type World } from '../kit/world.ts'
import { begin, caller, ENDING, MODEL, openTaskWorld, price, type TaskWorld, usageRow } from './metered.ts'

describe.each(dialects())('prices that are kept, on %s,', (dialect) => {
  let on: TaskWorld
  let other: World | undefined
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { CACHE_SECONDS: '86400' } })
    await price(on.world)
    // On PostgreSQL there may be another server.
    if (dialect === 'postgresql') other = await openWorld(dialect, { url: on.world.url, env: { CACHE_SECONDS: '86400', TASK_CONCURRENCY: '0' } })
  })
  afterAll(async () => {
    await other?.close()
    await on.world.close()
  })

  it('are never older than what the server knows: a new price holds for the next call, here at once, elsewhere once it was heard of', async () => {
    const { id } = await on.world.client.model.findFirstOrThrow({ where: { name: MODEL.model } })
    const set = (inputPriceMicroUsd: number) =>
      on.world.does(
        'mutation ($input: ModelUpdateInput!) { modelUpdate(input: $input) { model { inputPriceMicroUsd } userErrors { code message } } }',
        { input: { id: `Model:${id}`, inputPriceMicroUsd } },
        on.admin,
      )
    const made = await caller(on, on.ada)
    let step = 0
    const paid = async (world: World) => {
      const metered = await begin(world, made.call({ step: ++step }))
      await metered.end(ENDING)
      return ((await usageRow(world, metered.usageId)).price as { input: number | string }).input
    }
    for (const each of [3_000_000, 5_000_000]) {
      await set(each)
      expect(Number(await paid(on.world))).toBe(each)
      if (!other) continue
      await other.app.store.tail.look()
      expect(Number(await paid(other))).toBe(each)
    }
    made.run.complete({})
  })
})
