/** The migrations that came with this version: `prisma/<database>/migrations/<time>_<name>/migration.sql`, and `extra.sql`. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Dialect } from './sql.ts'

export interface SqlFile {
  name: string
  sql: string
  /** SHA-256 in hex, as Prisma Migrate writes it. */
  checksum: string
}

/** The folder `prisma/` of this package, wherever it was started from and whether or not it was compiled. */
export function prismaFolder(): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json')) && existsSync(path.join(folder, 'prisma'))) return path.join(folder, 'prisma')
    if (folder === path.dirname(folder)) throw new Error('The folder prisma/ with the migrations is missing from this installation.')
  }
}

function read(name: string, file: string): SqlFile {
  const sql = readFileSync(file, 'utf8')
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
}

/** In the order in which they are applied. */
export function readMigrations(dialect: Dialect, folder = prismaFolder()): SqlFile[] {
  const migrations = path.join(folder, dialect, 'migrations')
  const names = existsSync(migrations) ? readdirSync(migrations).sort() : []
  return names
    .map((name) => ({ name, file: path.join(migrations, name, 'migration.sql') }))
    .filter(({ file }) => existsSync(file))
    .map(({ name, file }) => read(name, file))
}

/** What the models cannot say; applied again whenever it changed. */
export function readExtra(dialect: Dialect, folder = prismaFolder()): SqlFile {
  const file = path.join(folder, dialect, 'extra.sql')
  return existsSync(file) ? read('extra.sql', file) : { name: 'extra.sql', sql: '', checksum: '' }
}
