/** How long a budget lasts. Periods are UTC: nobody's clock is put back in the middle of one. */
import { DAY_MS } from '../core/clock.ts'

export const BUDGET_PERIODS = ['DAY', 'WEEK', 'MONTH', 'TOTAL'] as const
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number]

export interface Span {
  startMs: number
  /** The first moment after it; null: it has no end. */
  endMs: number | null
}

/** 1970 began on a Thursday. */
const MONDAY = 4

/** The period that a moment lies in. */
export function periodAt(period: BudgetPeriod, ms: number): Span {
  const day = Math.floor(ms / DAY_MS)
  if (period === 'TOTAL') return { startMs: 0, endMs: null }
  if (period === 'DAY') return { startMs: day * DAY_MS, endMs: (day + 1) * DAY_MS }
  if (period === 'WEEK') {
    const monday = Math.floor((day - MONDAY) / 7) * 7 + MONDAY
    return { startMs: monday * DAY_MS, endMs: (monday + 7) * DAY_MS }
  }
  const date = new Date(ms)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) }
}
