/** Everything that must hold before a change is done: each step says what it found, all are run, one failure fails. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const tsx = ['--import', 'tsx']
const node = (...args: string[]) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0

/** Whether the committed Prisma clients are those of the models. */
function generatedIsCurrent(): boolean {
  const kept = mkdtempSync(path.join(tmpdir(), 'holdfast-generated-'))
  try {
    cpSync('src/generated', kept, { recursive: true })
    if (!node(...tsx, 'scripts/generate.ts')) return false
    const files = (root: string) =>
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
        .sort()
    const [before, after] = [files(kept), files('src/generated')]
    const same =
      before.join() === after.join() && after.every((file) => readFileSync(path.join(kept, file)).equals(readFileSync(path.join('src/generated', file))))
    if (!same) console.error('src/generated was not what the models say; it is now: commit it.')
    return same
  } finally {
    rmSync(kept, { recursive: true, force: true })
  }
}

const steps: [string, () => boolean][] = [
  ['types', () => node('node_modules/typescript/bin/tsc')],
  ['lint and format', () => node('node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.')],
  ['generated clients are those of the models', generatedIsCurrent],
  ['schema.graphql is up to date', () => node(...tsx, 'scripts/schema-print.ts', '--check')],
  ['the client’s types are up to date', () => node(...tsx, 'scripts/client-types.ts', '--check')],
  ['the client needs nothing of Node', () => node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.client.json', '--noEmit')],
  ['migrations lead to the models, on both databases', () => node(...tsx, 'scripts/migration-new.ts', '--check')],
]
if (!process.argv.includes('--static')) steps.push(['tests', () => node(...tsx, 'scripts/test.ts')])

const failures: string[] = []
for (const [name, step] of steps) {
  console.log(`\n— ${name}`)
  if (!step()) failures.push(name)
}
console.log(failures.length ? `\nNot in order: ${failures.join('; ')}.` : '\nAll is in order.')
process.exitCode = failures.length ? 1 : 0
