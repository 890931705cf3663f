import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { circlesIn, inOrder } from '../../src/tasks/waiting-graph.ts'

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
/** Who waits for whom; 'x' is nobody. */
const waits = fc
  .array(fc.record({ key: fc.constantFrom(...KEYS), others: fc.uniqueArray(fc.constantFrom(...KEYS, 'x'), { maxLength: 3 }) }), { maxLength: 7 })
  .map((entries) => new Map(entries.map(({ key, others }) => [key, others])))

describe('who waits for whom', () => {
  it('is told by its circles: each is one, none has anyone in common with another, and without them there is none', () => {
    fc.assert(
      fc.property(waits, (graph) => {
        const circles = circlesIn(graph)
        for (const circle of circles) for (const [i, key] of circle.entries()) expect(graph.get(key)).toContain(circle[(i + 1) % circle.length])
        const members = circles.flat()
        expect(new Set(members).size).toBe(members.length)
        const rest = new Map([...graph].filter(([key]) => !members.includes(key)))
        expect(circlesIn(rest)).toEqual([])
        // In an order of what has no circle, everybody comes after all they wait for.
        const order = inOrder(rest)
        expect([...order].sort()).toEqual([...rest.keys()].sort())
        for (const [key, others] of rest) for (const other of others) if (rest.has(other)) expect(order.indexOf(other)).toBeLessThan(order.indexOf(key))
      }),
      { numRuns: 1000 },
    )
  })

  it('names a circle from its first on', () => {
    expect(circlesIn(new Map([['a', []], ['b', ['a', 'c']], ['c', ['d']], ['d', ['b']], ['e', ['e', 'b']]]))).toEqual([['b', 'c', 'd'], ['e']]) // biome-ignore format: one look
  })

  it('is told of a thousand in one circle, and of five hundred circles', () => {
    const ring = new Map(Array.from({ length: 1000 }, (_, i) => [`${i}`, [`${(i + 1) % 1000}`]]))
    expect(circlesIn(ring)).toHaveLength(1)
    const pairs = new Map(Array.from({ length: 1000 }, (_, i) => [`${i}`, [`${i ^ 1}`]]))
    expect(circlesIn(pairs)).toHaveLength(500)
  })
})
