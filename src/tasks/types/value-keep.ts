import { z } from 'zod'
import type { TaskType } from '../task-type.ts'

export const valueKeepParams = z.strictObject({ value: z.unknown().describe('Whatever shall be kept.') })

/** What a dictionary's entries are: tasks that stay CREATED, for nobody runs them. Their params are the value. */
export const valueKeep = (): TaskType<z.infer<typeof valueKeepParams>> => ({
  name: 'value.keep',
  description:
    'Keeps a value under a key, as in a dictionary: made with `runImmediately: false` it is never run, and its params can be changed. Run all the same, it ends at once with the value as its result.',
  params: valueKeepParams,
  maxAttempts: 1,
  async run({ params }) {
    return { result: params.value }
  },
})
