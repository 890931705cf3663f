/** Runs the tests (arguments go to vitest) and ends with one line: `N passed, N failed`. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-report-'))
const file = path.join(folder, 'report.json')
const run = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...process.argv.slice(2)],
  { stdio: ['ignore', 'inherit', 'inherit'] },
)
let failed = run.status === 0 ? 0 : 1
let passed = 0
let skipped = 0
try {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  passed = report.numPassedTests
  skipped = report.numPendingTests + report.numTodoTests
  // A file that could not even be read counts as one failure.
  const unread = report.testResults.filter(
    (result: { status: string; assertionResults: unknown[] }) => result.status === 'failed' && result.assertionResults.length === 0,
  ).length
  failed = Math.max(failed, report.numFailedTests + unread)
} catch {
  failed = Math.max(failed, 1)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed ? 1 : 0
