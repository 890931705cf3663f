/** The task that reads a file into a collection: all of the type but its function. */
import { z } from 'zod'
import { idOf } from '../core/ids.ts'
import type { TaskType } from '../tasks/task-type.ts'

export const importParams = z.strictObject({
  importId: z
    .string()
    .max(100)
    .refine((given) => given.startsWith('SearchImport:') && idOf('SearchImport', given) !== null, 'Is not the id of an import')
    .describe('Which import, `SearchImport:<uuid>`. It goes on where it was stopped.'),
})

export type ImportParams = z.infer<typeof importParams>

export const IMPORT_TYPE = {
  name: 'search.import',
  description:
    'Reads a file into a search collection, batch by batch; stopped anywhere, it goes on there. It is made by the last part of `searchImportCreate` or `searchImportAppend`.',
  params: importParams,
  maxAttempts: 10,
  timeoutSeconds: 6 * 3600,
  retryPolicy: { initialSeconds: 1, factor: 2, maxSeconds: 300 },
  needsDatabase: true,
} as const satisfies Omit<TaskType<ImportParams>, 'run'>
