/** Operations that are alike, added up. */
import { type Histogram, histogramMerge } from '../tasks/histogram.ts'

export interface ApiCalls {
  /** Empty: strangers. */
  ownerId: string
  /** Empty: none, or all. */
  apiKeyId: string
  operation: string
  hours: number
  startMs: number
  calls: number
  failed: number
  /** Of microseconds. */
  durations: Histogram
}

export function callsAdd(sum: Pick<ApiCalls, 'calls' | 'failed' | 'durations'>, more: Pick<ApiCalls, 'calls' | 'failed' | 'durations'>): void {
  sum.calls += more.calls
  sum.failed += more.failed
  histogramMerge(sum.durations, more.durations)
}
