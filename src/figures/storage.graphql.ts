/** What the database holds, and what it takes. */
import { builder, rights } from '../graphql/builder.ts'
import { type StorageUse, storageUse } from './storage.ts'

const StorageUseRef = builder.objectRef<StorageUse>('StorageUse').implement({
  description: 'What a table takes in the database.',
  fields: (t) => ({
    entity: t.exposeString('entity', { description: 'What it holds: the table’s name.' }),
    rows: t.field({ type: 'SafeInt', nullable: true, description: 'How many rows it has; null where nobody counted.', resolve: ({ rows }) => rows }),
    isEstimate: t.exposeBoolean('isEstimate', { description: 'Whether that is an estimate of the database’s own, as on PostgreSQL.' }),
    bytes: t.field({ type: 'SafeInt', description: 'What it takes on disk, its indexes included.', resolve: ({ bytes }) => bytes }),
  }),
})

builder.queryFields((t) => ({
  storageUse: t.field({
    type: [StorageUseRef],
    description:
      'What each table takes, largest first. On SQLite the whole file is looked through beside all else, which takes a second for each gigabyte or so.',
    ...rights('ADMIN+FIGURES_READ', 1000),
    resolve: (_root, _args, { app }) => storageUse(app.store),
  }),
}))
