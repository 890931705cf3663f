import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { likeness, likenessKeys, NEAR, toCompared } from '../../src/facts/fact-likeness.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { CREATE, CREATE_MANY, create, newFactId, stateOf, texts, UPDATE } from './fact.ts'

const LONG = 'The invoice of the bakery in Main Street was paid on the third of May by bank transfer'

describe.each(dialects())('facts that say the same on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let bob: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    await world.user('admin')
    ada = await world.user('ada')
    bob = await world.user('bob')
  })
  afterAll(() => world.close())

  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
  const similarTo = async (text: string, user = ada): Promise<any[]> => (await world.does(CREATE, { input: { text } }, user)).similar

  it('are pointed out as a fact is made, whatever the case, blanks and marks', async () => {
    const first = await create(world, ada, { text: 'Ada likes tea.' })
    expect(await similarTo('  ADA likes\n“tea”!')).toEqual([{ fact: { id: first.id, text: 'Ada likes tea.' }, likeness: 1, isSame: true }])
    expect(await similarTo('Bob owns a bicycle')).toEqual([])
  })

  it('or nearly the same, with how alike they are, the likest first', async () => {
    const first = await create(world, ada, { text: LONG })
    const [near] = await similarTo(`${LONG}, it seems`)
    expect(near).toMatchObject({ fact: { id: first.id }, isSame: false })
    expect(near.likeness).toBeCloseTo(likeness(toCompared(LONG), toCompared(`${LONG}, it seems`)), 2)
    const again = await similarTo(LONG.toUpperCase())
    expect(again.map(({ isSame }) => isSame)).toEqual([true, false])
  })

  it('are nobody else’s', async () => {
    await create(world, ada, { text: 'only Ada knows this' })
    expect(await similarTo('only Ada knows this', bob)).toEqual([])
    const admin = await world.user('eve')
    expect(await similarTo('only Ada knows this', admin)).toEqual([])
  })

  it('are pointed out again where a text is changed, and only then', async () => {
    const first = await create(world, bob, { text: 'the door code is 1234' })
    const other = await create(world, bob, { text: 'something else altogether' })
    const change = async (input: object) => (await world.does(UPDATE, { input: { id: other.id, ...input } }, bob)).similar
    expect(await change({ tags: ['x'] })).toEqual([])
    expect(await change({ text: 'The door code is 1234!' })).toEqual([{ fact: { id: first.id, text: first.text }, likeness: 1, isSame: true }])
    expect(await change({ text: 'The door code is 1234!' })).toEqual([])
    expect(await similarTo('something else altogether', bob)).toEqual([])
  })

  it('are five at most of a thousand, found as quickly', async () => {
    const cy = await world.user('cy')
    const facts = Array.from({ length: 300 }, (_, i) => ({ text: `The sensor in hall seven of the northern building reads ${i}` }))
    const made = await world.does(CREATE_MANY, { input: { facts } }, cy)
    expect(made.similar.length).toBeGreaterThan(290)
    expect(await similarTo('The sensor in hall seven of the northern building reads 1', cy)).toHaveLength(5)
    const unlike = Array.from({ length: 300 }, (_, i) => ({
      text: `${'abcdefghijklmnopqrstuvwxyz'[i % 26]!.repeat(5)} ${i * 7919} ${(i * 104_729).toString(36)}`,
    }))
    expect((await world.does(CREATE_MANY, { input: { facts: unlike } }, cy)).similar).toEqual([])
  })

  it('are told of many at once, those among them too', async () => {
    const dan = await world.user('dan')
    const there = await create(world, dan, { text: 'Dan sings' })
    const facts = [{ text: 'dan sings' }, { text: 'Dan paints' }, { text: 'DAN paints.' }, { text: 'quite another thing' }]
    const made = await world.does(CREATE_MANY, { input: { facts } }, dan)
    const ids = made.facts.map(({ id }: { id: string }) => id)
    expect(made.similar).toEqual([
      { index: 0, factId: there.id, likeness: 1, isSame: true },
      { index: 1, factId: ids[2], likeness: 1, isSame: true },
      { index: 2, factId: ids[1], likeness: 1, isSame: true },
    ])
  })

  it('are told the same where it is sent again, but for those that are gone', async () => {
    const input = { id: newFactId(), text: 'ada LIKES tea' }
    const first = (await world.does(CREATE, { input }, ada)).similar
    expect(first.length).toBeGreaterThan(0)
    expect((await world.does(CREATE, { input }, ada)).similar).toEqual(first)
    await world.does(
      'mutation ($input: FactDeleteInput!) { factDelete(input: $input) { userErrors { code message } } }',
      { input: { id: first[0].fact.id } },
      ada,
    )
    expect((await world.does(CREATE, { input }, ada)).similar[0]).toEqual({ ...first[0], fact: null })
  })

  describe('many at once', () => {
    const many = (facts: object[], more: object = {}, user = bob) => world.does(CREATE_MANY, { input: { facts, ...more } }, user)

    it('are made in their order, a thousand by a few statements', async () => {
      const eve = await world.user('eve')
      const facts = Array.from({ length: 1000 }, (_, i) => ({ text: `${i}`, tags: [`${i % 7}`, 'n'] }))
      const { answer: made, statements } = await statementsOf(() => many(facts, {}, eve))
      expect(statements.length).toBeLessThan(60)
      const rows = await world.client.fact.findMany({ where: { ownerId: eve.id.slice(5) }, select: { id: true, text: true } })
      const textOf = new Map(rows.map(({ id, text }) => [`Fact:${id}`, text]))
      expect(made.facts.map(({ id }: { id: string }) => textOf.get(id))).toEqual(facts.map(({ text }) => text))
      expect(await texts(world, eve, { tags: { all: ['3', 'n'] } }, { first: 100 })).toHaveLength(100)
      expect(await world.client.event.count({ where: { kind: 'FACT_CREATED', ownerId: eve.id.slice(5) } })).toBe(1000)
    })

    const good = { text: 'a good one' }
    const taken = newFactId()
    const bad = [{ text: '' }, { text: 'x', taskId: newFactId() }, { id: taken, text: 'x', tags: [''] }, { text: 'x', id: 'Task:1' }]

    it('are all refused for the faults of some, and nothing changes', async () => {
      const before = await stateOf(world)
      const errors = await world.refused(CREATE_MANY, { input: { facts: [good, ...bad, { id: taken, text: 'y' }, { id: taken, text: 'z' }] } }, bob)
      expect(errors.map(({ code, path }) => [code, ...path!.slice(1)])).toEqual([
        ['BAD_USER_INPUT', 'facts', '1', 'text'],
        ['NOT_FOUND', 'facts', '2', 'taskId'],
        ['BAD_USER_INPUT', 'facts', '3', 'tags', '0'],
        ['BAD_USER_INPUT', 'facts', '4', 'id'],
        ['ID_TAKEN', 'facts', '6', 'id'],
      ])
      expect(await stateOf(world)).toEqual(before)
    })

    it('or made but for those, as is asked for; sent again, they are the same', async () => {
      const id = newFactId()
      const input = { facts: [good, ...bad, { id, text: 'another' }], errorPolicy: 'SKIP_FAILED' }
      const made = await world.does(CREATE_MANY, { input }, bob)
      expect(made.facts.map((fact: object | null) => fact !== null)).toEqual([true, false, false, false, false, true])
      expect(made.skipped.map(({ index }: { index: number }) => index)).toEqual([1, 2, 3, 4])
      expect((await world.does(CREATE_MANY, { input }, bob)).facts).toEqual(made.facts)
      expect(await world.refused(CREATE_MANY, { input: { facts: [] } }, bob)).toEqual([expect.objectContaining({ path: ['input', 'facts'] })])
      const tooMany = Array.from({ length: 1001 }, () => ({ text: 'x' }))
      expect(await world.refused(CREATE_MANY, { input: { facts: tooMany } }, bob)).toEqual([expect.objectContaining({ path: ['input', 'facts'] })])
    })

    it('tell all faults of each where all are refused, and the first ten where it is skipped', async () => {
      const facts = [{ text: 'x', tags: Array.from({ length: 12 }, () => '') }]
      expect(await world.refused(CREATE_MANY, { input: { facts } }, bob)).toHaveLength(12)
      expect((await many(facts, { errorPolicy: 'SKIP_FAILED' })).skipped[0].userErrors).toHaveLength(10)
    })

    it('of two that bring the same id, one is made', async () => {
      const id = newFactId()
      const both = await Promise.all(['one', 'two'].map((text) => world.ask(CREATE_MANY, { input: { facts: [{ id, text }] } }, bob)))
      const payloads = both.map(({ data }) => data.factCreateMany)
      expect(payloads.map(({ userErrors }) => userErrors.map(({ code }: { code: string }) => code)).sort()).toEqual([[], ['ID_TAKEN']])
    })
  })
})

describe('the keys of a text', () => {
  const noise = (text: string, every: number) => [...text].map((letter, i) => (i % every === every - 1 ? 'x' : letter)).join('')

  it('are shared by most of those that are near, and by few that are not', () => {
    const found = { near: [0, 0], far: [0, 0] }
    for (let i = 0; i < 400; i++) {
      const text = Array.from({ length: 12 }, (_, j) => ((i * 131 + j * 7919) ** 2 % 46_656).toString(36)).join(' ')
      const keys = new Set(likenessKeys('u', text).near)
      for (const [kind, other] of [
        ['near', noise(text, 24)],
        ['far', noise(text, 3)],
      ] as const) {
        const alike = likeness(toCompared(text), toCompared(other))
        if (kind === 'near' ? alike < NEAR : alike > 0.2) continue
        found[kind][0]!++
        if (likenessKeys('u', other).near.some((key) => keys.has(key))) found[kind][1]!++
      }
    }
    expect(found.near[0]).toBeGreaterThan(100)
    expect(found.far[0]).toBeGreaterThan(100)
    expect(found.near[1]! / found.near[0]!).toBeGreaterThan(0.9)
    expect(found.far[1]! / found.far[0]!).toBeLessThan(0.05)
  })

  it('stay what they are, for they are kept', () => {
    expect(likenessKeys('an owner', 'Ada likes tea.')).toEqual({ same: expect.any(Number), near: expect.any(Array) })
    expect(likenessKeys('an owner', 'ADA likes tea')).toEqual(likenessKeys('an owner', 'Ada likes tea.'))
    expect(likenessKeys('another', 'Ada likes tea.').same).not.toBe(likenessKeys('an owner', 'Ada likes tea.').same)
  })
})
