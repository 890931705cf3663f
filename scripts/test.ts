/**
 * Runs the tests (arguments go to vitest) and ends with one line: `N passed, N failed`.
 *
 * In CI a file that did not pass is run once more by itself, when nothing else wants the machine, and what comes of that counts; which
 * they were is said. A test that fails twice, and an error that belongs to no file, fails the run.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { FileReport, TestReport } from './test-report.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-report-'))

/** Null where vitest itself did not come to an end. */
function vitest(name: string, given: string[]): TestReport | null {
  const file = path.join(folder, name)
  const reporters = ['--reporter=default', `--reporter=${path.join(import.meta.dirname, 'test-report.ts')}`]
  spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...given], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, HOLDFAST_TEST_REPORT: file },
  })
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

const named = ({ file }: FileReport) => path.relative(process.cwd(), file)
const notWhole = ({ files, strayIn }: TestReport) => files.filter(({ file, isWhole }) => !isWhole || strayIn.includes(file))

function result(): { passed: number; failed: number; skipped: number } {
  const first = vitest('first', process.argv.slice(2))
  if (!first) return { passed: 0, failed: 1, skipped: 0 }
  let { files } = first
  let stray = first.strayIn.length
  const again = notWhole(first)
  const nowhere = first.strayIn.filter((file) => !again.some((other) => other.file === file)).length
  if (process.env.CI && again.length && nowhere === 0) {
    console.log(`\nNot passed, and run once more by themselves:\n${again.map((each) => `  ${named(each)}`).join('\n')}\n`)
    const second = vitest('second', [...again.map(named), '--no-file-parallelism'])
    files = [...files.filter((each) => !again.includes(each)), ...(second?.files ?? again)]
    stray = second ? second.strayIn.length : 1
    const still = second ? notWhole(second).map(named) : []
    for (const each of again) console.log(`${named(each)}: ${still.includes(named(each)) || !second ? 'failed twice' : 'failed at first, passed by itself'}`)
  }
  const sum = (count: (file: FileReport) => number) => files.reduce((total, each) => total + count(each), 0)
  // A file that could not be run, or not to its end, counts as one failure.
  const failed = sum(({ failed, isWhole }) => Math.max(failed, Number(!isWhole))) + stray
  const passed = sum((each) => each.passed)
  return { passed, failed: failed + Number(passed + failed === 0), skipped: sum((each) => each.skipped) }
}

try {
  const { passed, failed, skipped } = result()
  console.log(`\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
  process.exitCode = failed ? 1 : 0
} finally {
  rmSync(folder, { recursive: true, force: true })
}
