/** What is installed: as a program elsewhere sees it, and as a page does. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'

const TSC = path.resolve('node_modules/typescript/bin/tsc')
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-package-'))
const installed = path.join(folder, 'node_modules/holdfast')
const node = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  return `${status} ${stdout}${stderr}`
}

const PROGRAM = `
import { type DictionaryChange, Holdfast, NotFound, type Task } from 'holdfast/client'

const client = new Holdfast({ url: 'http://127.0.0.1:9', apiKey: 'hf_x', patienceMs: 0 })
const jobs = client.dictionary<{ status: string }>('jobs')
export const status = async (): Promise<string | undefined> => (await jobs.get('a'))?.status
export async function* watched(): AsyncGenerator<DictionaryChange<{ status: string }>> {
  yield* jobs.watch()
}
export const task = async (id: string): Promise<Task | undefined> => client.tasks.get(id)
// @ts-expect-error a key is a string
jobs.get(7).catch(() => {})
// @ts-expect-error no such field
jobs.set('a', { state: 'x' }).catch(() => {})
// @ts-expect-error no such status
client.tasks.where({ status: { eq: 'SLEEPING' } })
status().catch((error: unknown) => console.log(error instanceof NotFound, (error as Error).name))
`

beforeAll(() => {
  mkdirSync(installed, { recursive: true })
  cpSync('package.json', path.join(installed, 'package.json'))
  symlinkSync(path.resolve('node_modules/uuid'), path.join(folder, 'node_modules/uuid'))
  const built = spawnSync(process.execPath, [TSC, '-p', 'tsconfig.client.json', '--outDir', path.join(installed, 'dist')], { encoding: 'utf8' })
  expect(`${built.status} ${built.stdout}`).toBe('0 ')
  writeFileSync(path.join(folder, 'package.json'), '{"name":"elsewhere","type":"module"}')
  writeFileSync(path.join(folder, 'program.ts'), PROGRAM)
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('holdfast/client is there with its types, strictly checked, and runs', { timeout: 120_000 }, () => {
  const strict = [
    '--strict',
    '--exactOptionalPropertyTypes',
    '--module',
    'NodeNext',
    '--target',
    'ES2023',
    '--lib',
    'ES2023,DOM,DOM.Iterable,DOM.AsyncIterable',
  ]
  expect(node(TSC, ...strict, 'program.ts')).toBe('0 ')
  expect(node('program.js')).toBe('0 false Unavailable\n')
})

test('holdfast/client can be bundled for a page, and is small', async () => {
  const entry = path.join(installed, 'dist/client/client.js')
  const { outputFiles, warnings } = await build({ entryPoints: [entry], bundle: true, minify: true, platform: 'browser', format: 'esm', write: false })
  expect(warnings).toEqual([])
  expect(outputFiles[0]!.text).not.toMatch(/\bprocess\.|node:|require\(/)
  expect(outputFiles[0]!.contents.byteLength).toBeLessThan(30_000)
})
