/**
 * The mathematics of cron expressions, and the only place that knows the library for it. Nothing here waits for a tick: what
 * fires, and that it fires once, is the database's business.
 *
 * Where clocks are changed: what names one time of the day happens once on that day, after the gap if its time is in the gap,
 * and at the first of the two if its time comes twice. What repeats (a star, a step, a list or a range in seconds, minutes or
 * hours) goes by the time that passes: it leaves out what does not exist, and happens in both hours of the same name.
 */
import { Cron } from 'croner'
import { BadUserInput } from '../core/errors.ts'

const NICKNAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']
/** No moment that a user can give lies beyond it. */
const END_OF_TIME_MS = Date.UTC(2200, 0, 1)

export interface Rhythm {
  /** The first tick after a moment; null: none. */
  after(ms: number): number | null
  /** So many ticks up to a moment, that one included: the last ones there are, oldest first. */
  last(count: number, throughMs: number): number[]
}

/** Reads an expression of 5 fields, or 6 with seconds first, in a time zone; what is none is refused with the path of its field. */
export function rhythmOf({ cron, timezone }: { cron: string; timezone: string }): Rhythm {
  if (!isTimezone(timezone))
    throw new BadUserInput(`There is no time zone "${timezone.slice(0, 100)}"; they read like Europe/Berlin or UTC.`, ['input', 'timezone'])
  const rule = read(cron, timezone)
  const known = (date: Date | null): number | null => (date === null || date.getTime() >= END_OF_TIME_MS ? null : date.getTime())
  return {
    after: (ms) => known(rule.nextRun(new Date(ms))),
    // The library looks before a moment.
    last: (count, throughMs) =>
      rule
        .previousRuns(count, new Date(throughMs + 1))
        .map((date) => date.getTime())
        .reverse(),
  }
}

function read(cron: string, timezone: string): Cron {
  const refused = (why: string) => new BadUserInput(`This is no cron expression: ${why.replace(/\.$/, '')}.`, ['input', 'cron'])
  const fields = cron.trim().split(/\s+/).length
  // The library takes dates too, which would fire once.
  if (!NICKNAMES.includes(cron.trim().toLowerCase()) && fields !== 5 && fields !== 6)
    throw refused(`it has 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds before them, or is one of ${NICKNAMES.join(', ')}`)
  try {
    return new Cron(cron.trim(), { timezone, mode: '5-or-6-parts', paused: true })
  } catch (error) {
    throw refused((error as Error).message.replace(/^CronPattern: /, ''))
  }
}

function isTimezone(timezone: string): boolean {
  try {
    return timezone.length > 0 && Boolean(new Intl.DateTimeFormat('en', { timeZone: timezone }))
  } catch {
    return false
  }
}
