/** Brings the models and one database's datasource together and runs `prisma generate` on them, for both databases. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'

for (const dialect of ['sqlite', 'postgresql']) {
  const folder = path.resolve(`node_modules/.cache/prisma/${dialect}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  cpSync('prisma/models', folder, { recursive: true })
  cpSync(`prisma/${dialect}/schema.prisma`, path.join(folder, 'schema.prisma'))
  const run = spawnSync(process.execPath, ['node_modules/prisma-cli/build/index.js', 'generate', '--no-hints'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, HOLDFAST_PRISMA_SCHEMA: folder, CHECKPOINT_DISABLE: '1' },
  })
  if (run.status !== 0) process.exit(run.status ?? 1)
  // Nothing here is for browsers; and the types are SQLite's everywhere, so that PostgreSQL's client is kept for its code alone.
  const unused = ['browser.ts', 'internal/prismaNamespaceBrowser.ts', ...(dialect === 'postgresql' ? ['models', 'models.ts', 'commonInputTypes.ts'] : [])]
  for (const file of unused) rmSync(path.join('src/generated', dialect, file), { recursive: true })
}
