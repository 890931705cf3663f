import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sqlToModels } from '../../scripts/schema-engine.ts'
import { readExtra } from '../../src/db/migration-files.ts'
import { type MigrationTarget, postgresqlTarget, sqliteTarget } from '../../src/db/migration-target.ts'
import type { Dialect } from '../../src/db/sql.ts'
import { filePath } from '../../src/db/sqlite.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

describe.each<Dialect>(['sqlite', 'postgresql'])('the migrations of %s', (dialect) => {
  test('lead to the models', async () => {
    expect(await sqlToModels(dialect), 'Run: node --import tsx scripts/migration-new.ts <name>').toBeNull()
  })
})

describe.each(dialects())('the schema of %s', (dialect) => {
  let migrated: ScratchDatabase
  let fresh: ScratchDatabase

  beforeAll(async () => {
    migrated = await scratchDatabase(dialect)
    fresh = await scratchDatabase(dialect, { empty: true })
    await on(dialect, fresh, async (target) => {
      await target.script((await sqlToModels(dialect, 'nothing')) ?? '')
      await target.script(readExtra(dialect).sql)
    })
  })
  afterAll(async () => {
    await migrated.drop()
    await fresh.drop()
  })

  test('is the same whether migrated or made anew, with its triggers, checks and partial indexes', async () => {
    const dump = await dumped(dialect, migrated)
    expect(dump).toEqual(await dumped(dialect, fresh))
    expect(dump.join('\n')).toContain('Task_ready_idx')
    expect(dump.join('\n')).toContain('Task_lease_check')
  })

  test('is the same after extra.sql was applied once more', async () => {
    const before = await dumped(dialect, migrated)
    await on(dialect, migrated, (target) => target.script(readExtra(dialect).sql))
    expect(await dumped(dialect, migrated)).toEqual(before)
  })
})

async function on<T>(dialect: Dialect, { url }: ScratchDatabase, work: (target: MigrationTarget) => Promise<T>): Promise<T> {
  const target = dialect === 'sqlite' ? sqliteTarget(filePath(url)) : await postgresqlTarget(url)
  try {
    return await work(target)
  } finally {
    await target.close()
  }
}

/**
 * Everything that makes the schema, a line each, in an order of its own: a column that was added later stands last in a
 * migrated table, and the tables that keep count of migrations are not part of it.
 */
const DUMPS: Record<Dialect, string> = {
  sqlite: `
    SELECT 'column ' || t.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '') || ' ' || c.pk AS line
      FROM sqlite_master t, pragma_table_xinfo(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE '\\_%' ESCAPE '\\'
    UNION ALL
    SELECT 'foreign key ' || t.name || '.' || f."from" || ' ' || f."table" || ' ' || coalesce(f."to", '') || ' ' || f.on_update || ' ' || f.on_delete
      FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'
    UNION ALL
    SELECT type || ' ' || tbl_name || ' ' || sql FROM sqlite_master WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL`,
  postgresql: `
    SELECT concat_ws(' ', 'column', table_name, column_name, udt_name, is_nullable, column_default, numeric_precision, datetime_precision) AS line
      FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'
    UNION ALL
    SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '%\\_prisma\\_%' AND conrelid::regclass::text NOT LIKE '%\\_holdfast\\_%'
    UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '\\_%'
    UNION ALL
    SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', 'enum', enumtypid::regtype, enumlabel) FROM pg_enum
    UNION ALL
    SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'`,
}

const dumped = (dialect: Dialect, scratch: ScratchDatabase): Promise<string[]> =>
  on(dialect, scratch, async (target) => (await target.rows<{ line: string }>(DUMPS[dialect])).map(({ line }) => line).sort())
