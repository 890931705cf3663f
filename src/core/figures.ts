/**
 * Figures of this process, for whoever watches it: how often, how long, how much. To count one costs some ten nanoseconds, and nothing
 * is written anywhere: they are there to be read.
 *
 * Whatever a caller can choose (names of operations, types, models) may be a label, for the series of a figure are limited: once there are
 * so many, what is new counts as `other`.
 */

export interface Series<Value> {
  readonly labels: readonly string[]
  readonly value: Value
}

interface About {
  /** As Prometheus shows it, without what the exporter adds. */
  name: string
  help: string
  labels?: readonly string[]
  /** Most series; 200. */
  most?: number
}

const OTHER = 'other'

abstract class Figure<Value> {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly #most: number
  readonly #series = new Map<string, Series<Value>>()

  constructor({ name, help, labels = [], most = 200 }: About) {
    this.name = name
    this.help = help
    this.labels = labels
    this.#most = most
  }

  protected abstract newValue(): Value

  /** The series of these labels, in the order of their names. To be kept by whoever needs the same one often. */
  of(...labels: string[]): Value {
    const key = labels.length === 1 ? labels[0]! : labels.join('\0')
    const known = this.#series.get(key)
    if (known) return known.value
    // The last one is left for the others.
    if (this.#series.size >= this.#most - 1 && labels.some((label) => label !== OTHER)) return this.of(...labels.map(() => OTHER))
    const made = { labels, value: this.newValue() }
    this.#series.set(key, made)
    return made.value
  }

  get series(): Series<Value>[] {
    return [...this.#series.values()]
  }
}

/** A number that only grows. */
export class Count {
  total = 0
  add(more = 1): void {
    this.total += more
  }
}

export class Counter extends Figure<Count> {
  protected newValue = () => new Count()
}

/** How many took how long, by upper bounds in seconds. */
export class Times {
  readonly counts: number[]
  count = 0
  sumSeconds = 0

  constructor(readonly bounds: readonly number[]) {
    this.counts = new Array(bounds.length + 1).fill(0)
  }

  putMs(ms: number): void {
    const seconds = ms > 0 ? ms / 1000 : 0
    let place = 0
    while (place < this.bounds.length && seconds > this.bounds[place]!) place++
    this.counts[place]!++
    this.count++
    this.sumSeconds += seconds
  }
}

/** For what a server does at once. */
export const BRIEF = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** For work. */
export const LONG = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]

export class Timer extends Figure<Times> {
  readonly bounds: readonly number[]

  constructor({ bounds = BRIEF, ...about }: About & { bounds?: readonly number[] }) {
    super(about)
    this.bounds = bounds
  }

  protected newValue = () => new Times(this.bounds)
}

/** What is so at the moment when it is asked. */
export interface Gauge extends About {
  values: readonly { labels?: readonly string[]; value: number }[]
  /** It only grows, though somebody else counts it. */
  isTotal?: boolean
}

const figures: (Counter | Timer)[] = []

export const allFigures = (): readonly (Counter | Timer)[] => figures

/** Makes a figure known. Rooms call it where they count. */
export function counter(about: About): Counter {
  const made = new Counter(about)
  figures.push(made)
  return made
}

export function timer(about: About & { bounds?: readonly number[] }): Timer {
  const made = new Timer(about)
  figures.push(made)
  return made
}
