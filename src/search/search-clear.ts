/** The task that clears away what was in a deleted collection: all of the type but its function. */
import { z } from 'zod'
import { idOf } from '../core/ids.ts'
import type { TaskType } from '../tasks/task-type.ts'

export const clearParams = z.strictObject({
  collectionId: z
    .string()
    .max(100)
    .refine((given) => given.startsWith('SearchCollection:') && idOf('SearchCollection', given) !== null, 'Is not the id of a collection')
    .describe('Which collection, `SearchCollection:<uuid>`. Of one that is not deleted nothing is removed.'),
})

export type ClearParams = z.infer<typeof clearParams>

export const CLEAR_TYPE = {
  name: 'search.clear',
  description: 'Removes, in portions, what was in a search collection that was deleted. It is made by `searchCollectionDelete`.',
  params: clearParams,
  maxAttempts: 100,
  timeoutSeconds: 3600,
  retryPolicy: { initialSeconds: 1, factor: 2, maxSeconds: 600 },
  needsDatabase: true,
} as const satisfies Omit<TaskType<ClearParams>, 'run'>
