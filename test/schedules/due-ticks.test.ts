import { describe, expect, it } from 'vitest'
import { rhythmOf } from '../../src/schedules/cron.ts'
import { dueTicks } from '../../src/schedules/due-ticks.ts'
import type { MissedTicks } from '../../src/schedules/schedule.ts'

const ms = (time: string) => Date.parse(`2026-05-01T${time}Z`)
const time = (at: number | null) => (at === null ? null : new Date(at).toISOString().slice(11, 19))

interface Asked {
  cron?: string
  next: string
  now: string
  missed?: MissedTicks
  maxCatchUp?: number
  endsAt?: string
  atOnce?: number
}

/** What is done, by the time of day. */
const due = ({ cron = '0 * * * *', next, now, missed = 'SKIP', maxCatchUp = 100, endsAt, atOnce = 10 }: Asked) => {
  const schedule = { nextRunAtMs: ms(next), missed, maxCatchUp, endsAtMs: endsAt ? ms(endsAt) : null }
  const { ticks, nextRunAtMs, skipped } = dueTicks(schedule, rhythmOf({ cron, timezone: 'UTC' }), ms(now), atOnce)
  return { ticks: ticks.map(time), next: time(nextRunAtMs), skipped: skipped && [time(skipped.firstTickAtMs), time(skipped.lastTickAtMs)] }
}
const EVERY_SECOND = '* * * * * *'

describe('ticks that are due', () => {
  it.each(['SKIP', 'CATCH_UP', 'RUN_ONCE'] as const)('fire when they come, with %s', (missed) => {
    expect(due({ next: '10:00:00', now: '10:00:00.000', missed })).toEqual({ ticks: ['10:00:00'], next: '11:00:00', skipped: null })
    expect(due({ next: '10:00:00', now: '10:00:09.999', missed })).toEqual({ ticks: ['10:00:00'], next: '11:00:00', skipped: null })
  })

  it.each(['SKIP', 'CATCH_UP', 'RUN_ONCE'] as const)('fire each while they are only late, with %s', (missed) => {
    expect(due({ cron: EVERY_SECOND, next: '10:00:00', now: '10:00:03.500', missed })).toEqual({
      ticks: ['10:00:00', '10:00:01', '10:00:02', '10:00:03'],
      next: '10:00:04',
      skipped: null,
    })
  })

  it('with SKIP are passed over once they were missed', () => {
    expect(due({ next: '10:00:00', now: '10:00:10.001' })).toEqual({ ticks: [], next: '11:00:00', skipped: ['10:00:00', '10:00:00'] })
    expect(due({ next: '05:00:00', now: '10:00:05' })).toEqual({ ticks: [], next: '11:00:00', skipped: ['05:00:00', '10:00:00'] })
  })

  it('with RUN_ONCE fire once for all', () => {
    expect(due({ next: '05:00:00', now: '10:30:00', missed: 'RUN_ONCE' })).toEqual({ ticks: ['10:00:00'], next: '11:00:00', skipped: null })
    expect(due({ next: '10:00:00', now: '10:30:00', missed: 'RUN_ONCE' })).toEqual({ ticks: ['10:00:00'], next: '11:00:00', skipped: null })
  })

  it('with CATCH_UP fire each, oldest first', () => {
    expect(due({ next: '07:00:00', now: '10:30:00', missed: 'CATCH_UP' })).toEqual({
      ticks: ['07:00:00', '08:00:00', '09:00:00', '10:00:00'],
      next: '11:00:00',
      skipped: null,
    })
  })

  it('with CATCH_UP fire some now, and the rest at the next look', () => {
    const first = due({ next: '05:00:00', now: '10:30:00', missed: 'CATCH_UP', atOnce: 4 })
    expect(first).toEqual({ ticks: ['05:00:00', '06:00:00', '07:00:00', '08:00:00'], next: '09:00:00', skipped: null })
    expect(due({ next: '09:00:00', now: '10:30:00', missed: 'CATCH_UP', atOnce: 4 })).toEqual({
      ticks: ['09:00:00', '10:00:00'],
      next: '11:00:00',
      skipped: null,
    })
  })

  it('with CATCH_UP are the last ones where there were more than is to be caught up with', () => {
    expect(due({ next: '01:00:00', now: '10:30:00', missed: 'CATCH_UP', maxCatchUp: 3 })).toEqual({
      ticks: ['08:00:00', '09:00:00', '10:00:00'],
      next: '11:00:00',
      skipped: ['01:00:00', '07:00:00'],
    })
    expect(due({ next: '08:00:00', now: '10:30:00', missed: 'CATCH_UP', maxCatchUp: 3 }).skipped).toBeNull()
    expect(due({ cron: EVERY_SECOND, next: '00:00:00', now: '10:00:00', missed: 'CATCH_UP', maxCatchUp: 2 })).toEqual({
      ticks: ['09:59:59', '10:00:00'],
      next: '10:00:01',
      skipped: ['00:00:00', '09:59:58'],
    })
  })

  it('end with the schedule, its last moment included', () => {
    expect(due({ next: '10:00:00', now: '10:00:01', endsAt: '10:00:00' })).toEqual({ ticks: ['10:00:00'], next: null, skipped: null })
    expect(due({ next: '10:00:00', now: '10:00:01', endsAt: '10:59:59' })).toEqual({ ticks: ['10:00:00'], next: null, skipped: null })
    expect(due({ next: '10:00:00', now: '10:00:01', endsAt: '11:00:00' })).toEqual({ ticks: ['10:00:00'], next: '11:00:00', skipped: null })
    expect(due({ next: '10:00:00', now: '10:00:01', endsAt: '09:00:00' })).toEqual({ ticks: [], next: null, skipped: null })
  })

  it('that were missed are made up for up to the end', () => {
    const asked = { next: '05:00:00', now: '10:30:00', endsAt: '07:30:00' }
    expect(due({ ...asked, missed: 'CATCH_UP' })).toEqual({ ticks: ['05:00:00', '06:00:00', '07:00:00'], next: null, skipped: null })
    expect(due({ ...asked, missed: 'CATCH_UP', maxCatchUp: 1 })).toEqual({ ticks: ['07:00:00'], next: null, skipped: ['05:00:00', '06:00:00'] })
    expect(due({ ...asked, missed: 'RUN_ONCE' })).toEqual({ ticks: ['07:00:00'], next: null, skipped: null })
    expect(due({ ...asked, missed: 'SKIP' })).toEqual({ ticks: [], next: null, skipped: ['05:00:00', '07:00:00'] })
  })
})
