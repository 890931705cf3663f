import { createHash } from 'node:crypto'
import { z } from 'zod'
import { toGlobalId } from '../core/ids.ts'
import { defineTool } from './tool.ts'

const MAX_PARAMS_BYTES = 50_000

/** The same call in another attempt at the same answer makes no second task. */
export const taskCreateTool = defineTool({
  name: 'task.create',
  description: 'Starts a piece of long work in the background, as a task of the same user, and answers its id at once. It does not wait for its result.',
  input: z.strictObject({
    type: z.string().min(1).max(200).describe('What shall be done: a type of task this server knows.'),
    params: z
      .record(z.string(), z.unknown())
      .refine((params) => Buffer.byteLength(JSON.stringify(params)) <= MAX_PARAMS_BYTES, `Must have at most ${MAX_PARAMS_BYTES} bytes as JSON`)
      .optional()
      .describe('What the type takes.'),
    description: z.string().min(1).max(2000).optional().describe('What it is for, in a sentence, for people to read.'),
  }),
  async run({ type, params, description }, { task, repetition }) {
    const key = createHash('sha256')
      .update(JSON.stringify([type, params, description, repetition]))
      .digest('hex')
    const id = await task.createChild(`tool ${key}`, { type, params: params ?? {}, description })
    return { taskId: toGlobalId('Task', id) }
  },
})
