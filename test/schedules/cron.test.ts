import { describe, expect, it } from 'vitest'
import { rhythmOf } from '../../src/schedules/cron.ts'

const ticksAfter = (cron: string, timezone: string, from: string, count: number): string[] => {
  const rhythm = rhythmOf({ cron, timezone })
  const found: string[] = []
  for (let next = rhythm.after(Date.parse(from)); next !== null && found.length < count; next = rhythm.after(next)) found.push(new Date(next).toISOString())
  return found
}

describe('a cron expression', () => {
  it.each([
    ['*/15 * * * *', 'UTC', '2026-01-01T00:07:00Z', ['2026-01-01T00:15:00.000Z', '2026-01-01T00:30:00.000Z']],
    ['30 9 * * MON-FRI', 'UTC', '2026-01-02T10:00:00Z', ['2026-01-05T09:30:00.000Z', '2026-01-06T09:30:00.000Z']],
    ['*/20 * * * * *', 'UTC', '2026-01-01T00:00:20.001Z', ['2026-01-01T00:00:40.000Z', '2026-01-01T00:01:00.000Z']],
    ['* * * * * *', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-01T00:00:01.000Z', '2026-01-01T00:00:02.000Z']],
    ['0 0 L * *', 'UTC', '2026-01-31T00:00:00Z', ['2026-02-28T00:00:00.000Z', '2026-03-31T00:00:00.000Z']],
    ['0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', ['2028-02-29T00:00:00.000Z', '2032-02-29T00:00:00.000Z']],
    ['0 9 * * *', 'Asia/Kolkata', '2026-01-01T00:00:00Z', ['2026-01-01T03:30:00.000Z', '2026-01-02T03:30:00.000Z']],
    ['@daily', 'America/New_York', '2026-01-01T00:00:00Z', ['2026-01-01T05:00:00.000Z', '2026-01-02T05:00:00.000Z']],
    ['  0 12 * * *  ', 'UTC', '2026-01-01T12:00:00Z', ['2026-01-02T12:00:00.000Z', '2026-01-03T12:00:00.000Z']],
  ])('%s in %s, after %s', (cron, timezone, from, expected) => {
    expect(ticksAfter(cron, timezone, from, 2)).toEqual(expected)
  })

  it('names one time of the day that the clocks skip: it happens right after the gap', () => {
    expect(ticksAfter('30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', 3)).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ])
  })

  it('names one time of the day that comes twice: it happens at the first', () => {
    expect(ticksAfter('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
  })

  it('repeats: it leaves out the hour that is skipped, and goes through both of the hour that comes twice', () => {
    expect(ticksAfter('*/30 1-3 * * *', 'Europe/Berlin', '2026-03-28T23:59:00Z', 5)).toEqual([
      '2026-03-29T00:00:00.000Z',
      '2026-03-29T00:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-29T23:00:00.000Z',
    ])
    expect(ticksAfter('*/30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 5)).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:30:00.000Z',
      '2026-10-26T01:00:00.000Z',
    ])
  })

  it.each(['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago'])(
    'has the same ticks backwards as forwards in %s',
    (timezone) => {
      for (const cron of ['30 2 * * *', '*/20 * * * *', '0 0 * * *', '30 1,2 * * *', '15 2 * * SUN', '0 0 1 * *']) {
        for (const from of ['2026-03-01', '2026-09-01', '2026-10-20']) {
          const rhythm = rhythmOf({ cron, timezone })
          const forwards: number[] = []
          for (let next = rhythm.after(Date.parse(from)); forwards.length < 300; next = rhythm.after(next!)) forwards.push(next!)
          expect(rhythm.last(300, forwards[299]!)).toEqual(forwards)
          expect(rhythm.last(299, forwards[299]! - 1)).toEqual(forwards.slice(0, 299))
        }
      }
    },
  )

  it.each(['0 0 30 2 *', '0 0 31 4,6,9,11 *', '0 0 8 * +MON#1'])('%s never comes', (cron) => {
    expect(rhythmOf({ cron, timezone: 'UTC' }).after(Date.parse('2026-01-01'))).toBeNull()
  })

  it.each([
    [''],
    ['* * * *'],
    ['* * * * * * *'],
    ['60 * * * *'],
    ['* 24 * * *'],
    ['* * 0 * *'],
    ['* * * 13 *'],
    ['* * * * 8'],
    ['*/0 * * * *'],
    ['5-1 * * * *'],
    ['1.5 * * * *'],
    ['every day'],
    ['H * * * *'],
    ['@reboot'],
    ['@fortnightly'],
    ['2026-01-01T00:00:00Z'],
    ['2026-01-01 00:00:00'],
    ['; DROP TABLE x; --'],
  ])('%j is refused', (cron) => {
    expect(() => rhythmOf({ cron, timezone: 'UTC' })).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', inputPath: ['input', 'cron'] }))
  })

  it.each(['', 'Mars/Phobos', '+01:00', 'Berlin', 'Europe/Berlin '])('is refused in the time zone %j', (timezone) => {
    expect(() => rhythmOf({ cron: '* * * * *', timezone })).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', inputPath: ['input', 'timezone'] }))
  })
})
