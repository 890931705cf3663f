import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BUDGET_PERIODS, periodAt } from '../../src/budgets/budget-period.ts'

const span = (period: 'DAY' | 'WEEK' | 'MONTH' | 'TOTAL', at: string) => {
  const { startMs, endMs } = periodAt(period, Date.parse(at))
  return [new Date(startMs).toISOString(), endMs === null ? null : new Date(endMs).toISOString()].map((each) => each?.slice(0, 19) ?? null)
}

describe('the periods of budgets', () => {
  it.each([
    ['DAY', '2026-03-29T02:30:00Z', '2026-03-29', '2026-03-30'],
    ['WEEK', '2026-11-29T23:59:59.999Z', '2026-11-23', '2026-11-30'],
    ['WEEK', '2026-11-30T00:00:00Z', '2026-11-30', '2026-12-07'],
    ['WEEK', '2027-01-01T12:00:00Z', '2026-12-28', '2027-01-04'],
    ['MONTH', '2026-12-31T23:59:59.999Z', '2026-12-01', '2027-01-01'],
    ['MONTH', '2028-02-29T00:00:00Z', '2028-02-01', '2028-03-01'],
  ] as const)('a %s that holds %s begins on %s and ends before %s', (period, at, start, end) => {
    expect(span(period, at)).toEqual([`${start}T00:00:00`, `${end}T00:00:00`])
  })

  it('TOTAL has no end', () => {
    expect(span('TOTAL', '2026-11-29T00:00:00Z')).toEqual(['1970-01-01T00:00:00', null])
  })

  it('follow each other without a gap, and every moment lies in one of each', () => {
    fc.assert(
      fc.property(fc.constantFrom(...BUDGET_PERIODS), fc.integer({ min: 0, max: 7_258_118_400_000 }), (period, ms) => {
        const { startMs, endMs } = periodAt(period, ms)
        expect(startMs).toBeLessThanOrEqual(ms)
        if (endMs === null) return
        expect(ms).toBeLessThan(endMs)
        expect(Math.abs(startMs % 86_400_000)).toBe(0)
        expect(periodAt(period, endMs).startMs).toBe(endMs)
        expect(periodAt(period, endMs - 1)).toEqual({ startMs, endMs })
      }),
    )
  })
})
