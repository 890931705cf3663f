/** What a process tells is looked at like any input from outside: it may have been taken over by what it runs. */
import { z } from 'zod'
import { ASKED, type FromProcess } from './messages.ts'

const number = z.int().min(0)
const error = z.object({
  message: z.string(),
  name: z.string().optional(),
  stack: z.string().optional(),
  code: z.string().max(100).optional(),
  retryable: z.boolean().optional(),
  retryAfterMs: z.number().optional(),
})

const outcome = z.object({
  result: z.unknown().optional(),
  summary: z.string().optional(),
  agentsInvolved: z.array(z.string()).optional(),
  metrics: z.record(z.string(), z.unknown()).optional(),
  files: z.array(z.object({ path: z.string(), change: z.enum(['CREATED', 'MODIFIED', 'DELETED', 'READ']) })).optional(),
  waitForChildren: z.boolean().optional(),
})

const message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('progress'), fraction: z.number().nullable(), message: z.string().optional() }),
  z.object({ kind: z.literal('ask'), number, what: z.enum(ASKED), args: z.array(z.unknown()).max(2) }),
  z.object({ kind: z.literal('write'), stream: number, chunk: z.enum(['TEXT', 'REASONING', 'TOOL_CALL', 'TOOL_RESULT', 'DATA']), content: z.string() }),
  z.object({ kind: z.literal('outcome'), outcome }),
  z.object({ kind: z.literal('failed'), error }),
])

/** Throws where the line is none of the messages. */
export function readMessage(line: string): FromProcess {
  const told = message.parse(JSON.parse(line))
  // JSON has no word for what is no number.
  if (told.kind === 'progress') return { ...told, fraction: told.fraction ?? Number.NaN }
  return told as FromProcess
}
