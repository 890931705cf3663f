/** Prisma's schema engine as WebAssembly: compares migrations with models, with no server and nothing downloaded. */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { bindMigrationAwareSqlAdapterFactory, type SqlDriverAdapter, type SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { prismaFolder, readMigrations } from '../src/db/migration-files.ts'
import type { Dialect } from '../src/db/sql.ts'
import { SqliteAdapterFactory } from '../src/db/sqlite-adapter.ts'

export const dialects: Dialect[] = ['sqlite', 'postgresql']

type Exports = Record<string, unknown> & { __wbindgen_start(): void }
interface Wasm {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Exports } }>
}
// Node has it, and its types for Node 20 do not say so.
const { WebAssembly } = globalThis as unknown as { WebAssembly: Wasm }

let loaded: Promise<void> | undefined

/** The package's own entry expects a bundler to load the .wasm file; here it is done by hand. */
function load(): Promise<void> {
  loaded ??= (async () => {
    const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm')
    const wasm = readFileSync(path.join(path.dirname(entry), 'schema_engine_bg.wasm'))
    const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': engine })
    const { __wbg_set_wasm: connect } = engine as unknown as { __wbg_set_wasm(exports: Exports): void }
    connect(instance.exports)
    instance.exports.__wbindgen_start()
  })()
  return loaded
}

/** The engine sends whole migration files through `executeRaw`, of which the drivers would run the first statement only. */
function runningScripts(adapter: SqlDriverAdapter): SqlDriverAdapter {
  return new Proxy(adapter, {
    get(target, key) {
      if (key === 'executeRaw')
        return async (query: Parameters<SqlDriverAdapter['executeRaw']>[0]) => {
          if (query.args.length) return target.executeRaw(query)
          await target.executeScript(query.sql)
          return 0
        }
      const value = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function sqliteInMemory(): SqlMigrationAwareDriverAdapterFactory {
  const factory = new SqliteAdapterFactory(':memory:')
  const connect = async () => runningScripts(await factory.connect())
  return { provider: factory.provider, adapterName: factory.adapterName, connect, connectToShadowDb: connect }
}

async function engineFor(dialect: Dialect, models: engine.SchemaContainer[]) {
  await load()
  const pglite = dialect === 'postgresql' ? await PGlite.create('memory://') : null
  const factory = pglite ? new PrismaPGlite(pglite) : sqliteInMemory()
  const opened = await engine.SchemaEngine.new(
    { datamodels: models.map(({ path, content }) => [path, content]) },
    () => {},
    bindMigrationAwareSqlAdapterFactory(factory as SqlMigrationAwareDriverAdapterFactory),
  )
  const close = async () => {
    opened.free()
    await pglite?.close()
  }
  return { engine: opened, close }
}

function modelsFor(dialect: Dialect): engine.SchemaContainer[] {
  const files = readdirSync(path.join(prismaFolder(), 'models')).filter((file) => file.endsWith('.prisma'))
  const models = files.sort().map((file) => ({ path: file, content: readFileSync(path.join(prismaFolder(), 'models', file), 'utf8') }))
  return [{ path: 'datasource.prisma', content: `datasource db {\n  provider = "${dialect}"\n}\n` }, ...models]
}

export const migrationsFolder = (dialect: Dialect): string => path.join(prismaFolder(), dialect, 'migrations')

function migrationsAsTarget(dialect: Dialect): engine.DiffTarget {
  const migrations = readMigrations(dialect)
  if (!migrations.length) return { tag: 'empty' }
  return {
    tag: 'migrations',
    baseDir: migrationsFolder(dialect),
    shadowDbInitScript: '',
    lockfile: { path: 'migration_lock.toml', content: `provider = "${dialect}"\n` },
    migrationDirectories: migrations.map(({ name, sql }) => ({ path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } } })),
  }
}

/** The SQL that leads from the migrations (or from nothing) to the models; null where there is nothing to do. */
export async function sqlToModels(dialect: Dialect, from: 'migrations' | 'nothing' = 'migrations'): Promise<string | null> {
  const models = modelsFor(dialect)
  const opened = await engineFor(dialect, models)
  try {
    const { exitCode, stdout } = await opened.engine.diff({
      from: from === 'nothing' ? { tag: 'empty' } : migrationsAsTarget(dialect),
      to: { tag: 'schemaDatamodel', files: models },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    })
    return exitCode === 2 ? (stdout ?? '') : null
  } finally {
    await opened.close()
  }
}
