/** Prints the schema and compiles `src/` to `dist/`, for a start without tsx: `node dist/main.js`. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

const node = (...args: string[]) => {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
rmSync('dist', { recursive: true, force: true })
node('--import', 'tsx', 'scripts/generate.ts')
node('--import', 'tsx', 'scripts/schema-print.ts')
node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json')
console.log('dist/ is built: node dist/main.js')
