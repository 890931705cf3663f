/** Prints the schema and compiles `src/` to `dist/`, for a start without tsx: `node dist/main.js`; the client with its types, for `holdfast/client`. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

const node = (...args: string[]) => {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
rmSync('dist', { recursive: true, force: true })
node('--import', 'tsx', 'scripts/generate.ts')
node('--import', 'tsx', 'scripts/schema-print.ts')
node('--import', 'tsx', 'scripts/client-types.ts')
node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json')
// By itself, without the types of Node: it runs in browsers too.
node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.client.json')
console.log('dist/ is built: node dist/main.js, and holdfast/client')
