import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classOf, type Histogram, histogramMerge, histogramPut, spreadOf } from '../../src/tasks/histogram.ts'

const times = fc.array(fc.oneof(fc.nat(99), fc.nat(5000), fc.nat(100_000_000), fc.integer({ min: 0, max: 1e13 })), { minLength: 1, maxLength: 50 })

function histogramOf(list: readonly number[]): Histogram {
  const histogram: Histogram = {}
  for (const ms of list) histogramPut(histogram, ms)
  return histogram
}

/** The least that so many hundredths of all do not exceed. */
function exactly(list: readonly number[], hundredths: number): number {
  const sorted = [...list].sort((a, b) => a - b)
  return sorted[Math.ceil((sorted.length * hundredths) / 100) - 1]!
}

describe('a histogram', () => {
  it('says of nothing that it is nothing', () => {
    expect(spreadOf({})).toEqual({ count: 0, meanMs: null, medianMs: null, p95Ms: null })
  })

  it('is exact for one, and for few that lie apart', () => {
    expect(spreadOf(histogramOf([1234]))).toEqual({ count: 1, meanMs: 1234, medianMs: 1234, p95Ms: 1234 })
    expect(spreadOf(histogramOf([3, 1, 2, 7000, 5]))).toEqual({ count: 5, meanMs: 1402.2, medianMs: 3, p95Ms: 7000 })
    expect(spreadOf(histogramOf(Array.from({ length: 100 }, (_, i) => 99 - i)))).toEqual({ count: 100, meanMs: 49.5, medianMs: 49, p95Ms: 94 })
  })

  it('has single milliseconds as classes below 100, and then classes of at most a twentieth', () => {
    expect([0, 1, 99, 100, 104, 105, 199, 200, 209, 210, 999, 1000, 1049, 1050, 86_400_000].map(classOf)).toEqual([
      0, 1, 99, 100, 100, 105, 195, 200, 200, 210, 990, 1000, 1000, 1050, 86_000_000,
    ])
  })

  it('tells the mean exactly, and quantiles within 5 %, whatever is in it', () => {
    fc.assert(
      fc.property(times, (list) => {
        const { count, meanMs, medianMs, p95Ms } = spreadOf(histogramOf(list))
        expect(count).toBe(list.length)
        expect(meanMs).toBe(list.reduce((sum, ms) => sum + ms, 0) / list.length)
        for (const [told, exact] of [
          [medianMs!, exactly(list, 50)],
          [p95Ms!, exactly(list, 95)],
        ] as const)
          expect(Math.abs(told - exact)).toBeLessThanOrEqual(exact * 0.05)
      }),
    )
  })

  it('is, of two put together, that of both; and what was taken out was never there', () => {
    fc.assert(
      fc.property(times, times, (one, other) => {
        const both = histogramOf(one)
        histogramMerge(both, histogramOf(other))
        expect(both).toEqual(histogramOf([...one, ...other]))
        for (const ms of other) histogramPut(both, ms, -1)
        expect(both).toEqual(histogramOf(one))
      }),
    )
  })
})
