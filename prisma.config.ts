import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { defineConfig } from 'prisma-cli/config'

// `prisma generate` insists on the file of an engine that it never runs and that only a download would bring. Where it
// is not there, this very Node binary stands in for it.
const downloaded = (() => {
  try {
    const engines = path.dirname(createRequire(createRequire(import.meta.url).resolve('prisma-cli/package.json')).resolve('@prisma/engines/package.json'))
    return existsSync(engines) && readdirSync(engines).some((file) => file.startsWith('schema-engine-'))
  } catch {
    return false
  }
})()
if (!downloaded && process.argv.some((word) => ['generate', 'validate', 'format'].includes(word))) process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath
process.env.CHECKPOINT_DISABLE ??= '1'

export default defineConfig({ schema: process.env.HOLDFAST_PRISMA_SCHEMA ?? 'prisma/sqlite' })
