/** A vitest reporter: writes down, for `test.ts`, how each file ended and what belongs to none. */
import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/** `isWhole`: every test of it was run to its end, and none failed. */
export interface FileReport {
  file: string
  passed: number
  failed: number
  skipped: number
  isWhole: boolean
}

export interface TestReport {
  files: FileReport[]
  /** Errors outside of any test: the files in which they were thrown, where that is known. */
  strayIn: (string | null)[]
}

/** vitest’s own words where the process of a file has died. */
const DEAD = /Worker (exited unexpectedly|forks emitted error)/

export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const files = modules.map((module): FileReport => {
      const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 }
      for (const test of module.children.allTests()) counts[test.result().state]++
      const { passed, failed, skipped } = counts
      const isWhole = !['failed', 'pending', 'queued'].includes(module.state()) && failed + counts.pending === 0
      return { file: module.moduleId, passed, failed, skipped, isWhole }
    })
    // A file whose process has died is one that is not whole, unless all of it was told by then.
    const stray = errors.filter(({ message }) => !DEAD.test(message))
    const report: TestReport = { files, strayIn: stray.map((error) => (error.VITEST_TEST_PATH as string | undefined) ?? null) }
    writeFileSync(process.env.HOLDFAST_TEST_REPORT!, JSON.stringify(report))
  }
}
