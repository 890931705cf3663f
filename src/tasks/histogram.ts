/**
 * How many took how long, kept small.
 *
 * Times are sorted into classes that grow with them: single milliseconds below 100, then a hundred classes from each power of ten
 * to the next, by 5 and by 10 of 100 to 1,000, and so on. A class is no wider than 5 % of the times in it. Of each class the
 * number and the sum are kept, so that a quantile is the mean of the class in which it lies: exact where the times of
 * that class are equal, and never more than 5 % off.
 *
 * Histograms can be added to one another, and what was put in can be taken out again.
 */

/** By the lower bound of the class: how many, and their sum. Classes with nothing in them are left out. */
export type Histogram = Record<string, [count: number, sumMs: number]>

/** Half the class below 2 × 10ⁿ, the class from there to 10ⁿ⁺¹; up to 10¹³ ms, some three hundred years. */
const STEPS = Array.from({ length: 11 }, (_, i) => 10 ** (i + 1)).flatMap((step) => [
  { below: 20 * step, step: step / 2 },
  { below: 100 * step, step },
])

const LAST = STEPS.at(-1)!

/** The class of a time in whole milliseconds, from 0 on: its lower bound. */
export function classOf(ms: number): number {
  if (ms < 100) return ms
  const { step } = STEPS.find(({ below }) => ms < below) ?? LAST
  return ms - (ms % step)
}

/** Puts a time into it, or takes it out. A clock that was set back makes it nought. */
export function histogramPut(histogram: Histogram, ms: number, sign: 1 | -1 = 1): void {
  const time = Math.max(0, ms)
  histogramAdd(histogram, classOf(time), sign, sign * time)
}

/** So many into a class, or out of it where the count is negative. */
function histogramAdd(histogram: Histogram, name: string | number, count: number, sumMs: number): void {
  const [oldCount, oldSumMs] = histogram[name] ?? [0, 0]
  if (oldCount + count === 0) delete histogram[name]
  else histogram[name] = [oldCount + count, oldSumMs + sumMs]
}

export function histogramMerge(histogram: Histogram, other: Histogram): void {
  for (const [name, [count, sumMs]] of Object.entries(other)) histogramAdd(histogram, name, count, sumMs)
}

export interface Spread {
  count: number
  meanMs: number | null
  medianMs: number | null
  p95Ms: number | null
}

/** What a histogram says; nothing but the count where it is empty. */
export function spreadOf(histogram: Histogram): Spread {
  let count = 0
  let sumMs = 0
  const classes = Object.entries(histogram)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, [ofClass, ofClassMs]]) => {
      count += ofClass
      sumMs += ofClassMs
      return { through: count, meanMs: ofClassMs / ofClass }
    })
  if (!count) return { count, meanMs: null, medianMs: null, p95Ms: null }
  /** The least time that so many hundredths of all do not exceed: the median of ten is the fifth. */
  const quantile = (hundredths: number): number => classes.find(({ through }) => through * 100 >= count * hundredths)!.meanMs
  return { count, meanMs: sumMs / count, medianMs: quantile(50), p95Ms: quantile(95) }
}
