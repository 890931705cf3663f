/**
 * Writes the next migration of both databases, where the models have moved on from the migrations.
 *
 *   node --import tsx scripts/migration-new.ts <name>     write it
 *   node --import tsx scripts/migration-new.ts --check    only say whether one is missing (exit code 1)
 *   node --import tsx scripts/migration-new.ts --fresh    replace all migrations by one; for before the first release only
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { dialects, migrationsFolder, sqlToModels } from './schema-engine.ts'

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' }, fresh: { type: 'boolean' } }, allowPositionals: true })
const name = values.fresh ? 'initial' : positionals[0]
if (!values.check && !/^[a-z][a-z0-9_]*$/.test(name ?? '')) {
  console.error('Name the migration: small letters, digits and underscores, as in add_task_labels.')
  process.exit(1)
}
// The first migration is older than any other, however often it is made anew.
const stamp = values.fresh ? '20260101000000' : new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)

for (const dialect of dialects) {
  const sql = await sqlToModels(dialect, values.fresh ? 'nothing' : 'migrations')
  if (!sql) {
    console.log(`${dialect}: the migrations lead to the models.`)
  } else if (values.check) {
    console.error(`${dialect}: the models have moved on; a migration is missing:\n\n${sql}`)
    process.exitCode = 1
  } else {
    const all = migrationsFolder(dialect)
    const folder = path.join(all, `${stamp}_${name}`)
    if (values.fresh) rmSync(all, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, 'migration.sql'), sql)
    writeFileSync(path.join(all, 'migration_lock.toml'), `provider = "${dialect}"\n`)
    console.log(`${dialect}: ${path.relative('.', folder)}/migration.sql`)
  }
}
