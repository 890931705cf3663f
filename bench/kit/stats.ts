/** Medians over rounds, and tables of them. */

export const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median over rounds of what was measured side by side within each. */
export const medianRatio = (ours: readonly number[], theirs: readonly number[]): number => median(ours.map((value, round) => value / theirs[round]!))

/** Three digits that count. */
export const short = (value: number): string => (Number.isFinite(value) ? value.toLocaleString('en', { maximumSignificantDigits: 3 }) : '–')

/** Prints rows as a Markdown table. */
export function table(rows: readonly Record<string, string>[]): void {
  const names = Object.keys(rows[0]!)
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => row[name]!.length)))
  const line = (cells: string[]) => console.log(`| ${cells.map((cell, i) => (i ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(' | ')} |`)
  line(names)
  console.log(`|${widths.map((width, i) => (i ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`)
  for (const row of rows) line(names.map((name) => row[name]!))
}

/** Longer rounds and more of them for who has the time. */
export const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
export const ROUND_MS = Number(process.env.BENCH_ROUND_MS ?? 500)
