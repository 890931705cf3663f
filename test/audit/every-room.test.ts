import { expect, test } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { everything } from '../server/everything.ts'
import { openTaskWorld } from '../tasks/task.ts'
import { entriesOf } from './audit.ts'

test.each(dialects())('on %s every mutation stands in the trail, whatever room it is of', async (dialect) => {
  const on = await openTaskWorld(dialect)
  const { world } = on
  try {
    const asked: Record<string, number> = {}
    const ask = world.ask.bind(world)
    world.ask = async (query, ...rest) => {
      const answer = await ask(query, ...rest)
      if (/^\s*mutation/.test(query)) for (const name of Object.keys(answer.data ?? {})) asked[name] = (asked[name] ?? 0) + 1
      return answer
    }
    await everything(on)
    const told: Record<string, number> = {}
    for (const { operation } of await entriesOf(world, on.admin, { kind: { eq: 'MUTATION' } }))
      if (operation in asked) told[operation] = (told[operation] ?? 0) + 1
    expect(Object.keys(asked).length).toBeGreaterThan(20)
    for (const [name, times] of Object.entries(asked)) expect([name, told[name] ?? 0]).toEqual([name, expect.toSatisfy((entries: number) => entries >= times)])
  } finally {
    await world.close()
  }
})
