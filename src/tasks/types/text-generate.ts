import { z } from 'zod'
import { type AnswerHost, answer } from '../../generation/answer.ts'
import { isCheckable } from '../params-schema.ts'
import { schemaFaults } from '../params-schema-rules.ts'
import type { TaskType } from '../task-type.ts'

const content = (min: number) => z.string().min(min).max(100_000).describe('What is said.')
const callId = z.string().min(1).max(200).describe('What joins a call and what came of it.')
const toolName = z.string().min(1).max(64).describe('The tool.')

const toolCall = z.strictObject({ callId, name: toolName, input: z.unknown().describe('What it was given.') })

const message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.enum(['system', 'user']).describe('Who says it.'), content: content(1) }),
  z
    .strictObject({
      role: z.literal('assistant').describe('Who says it.'),
      content: content(0),
      toolCalls: z.array(toolCall).max(100).optional().describe('The tools it called then; each must be answered by a tool message right after.'),
    })
    .refine(({ content: said, toolCalls }) => said !== '' || toolCalls?.length, { message: 'Must not be empty', path: ['content'] }),
  z.strictObject({
    role: z.literal('tool').describe('Who says it.'),
    callId,
    name: toolName,
    output: z.unknown().describe('What it answered.'),
    isError: z.boolean().optional().describe('Whether that is what went wrong.'),
  }),
])

/** A JSON Schema of draft 2020-12 that answers can be held to. */
export const answerSchema = z.unknown().superRefine((schema, ctx) => {
  if (schema === undefined) return
  const faults = schemaFaults(schema).slice(0, 20)
  for (const { message: what, path } of faults) ctx.addIssue({ code: 'custom', message: what, path })
  if (!faults.length && !isCheckable(schema)) ctx.addIssue({ code: 'custom', message: 'Cannot be checked: its references lead in a circle' })
})

export const textGenerateParams = z
  .strictObject({
    prompt: z.string().min(1, 'Must not be empty').max(100_000).optional().describe('What to answer; instead of messages.'),
    messages: z.array(message).min(1).max(500).optional().describe('The conversation to answer; instead of a prompt.'),
    system: z.string().min(1).max(20_000).optional().describe('Instructions that go before all else.'),
    model: z.string().min(1).max(200).optional().describe('As `provider/model`; left out: the default of this server.'),
    fallbackModels: z.array(z.string().min(1).max(200)).max(5).optional().describe('Asked in this order where the one before cannot answer.'),
    temperature: z.number().min(0).max(2).optional().describe('From 0 (steady) to 2 (wild).'),
    maxOutputTokens: z.int().min(1).max(100_000).optional().describe('The answer ends after so many tokens.'),
    stop: z.array(z.string().min(1).max(200)).max(4).optional().describe('Texts that end the answer.'),
    schema: answerSchema.optional().describe('A JSON Schema that the answer must fulfil; then the result holds it as `object`.'),
    reasoning: z.enum(['LOW', 'MEDIUM', 'HIGH']).optional().describe('How much to think first, where the model can.'),
    tools: z.array(toolName).max(32).optional().describe('Names of tools that the model may call.'),
    maxSteps: z.int().min(1).max(50).optional().describe('Most calls of the model: it is called again with what its tools answered. Left out: 8.'),
    callTimeoutSeconds: z.int().min(1).max(3600).optional().describe('A call of the model that takes longer is given up.'),
  })
  .refine((params) => (params.prompt === undefined) !== (params.messages === undefined), {
    message: 'Give a prompt or messages, one of the two',
    path: ['prompt'],
  })

export type TextGenerateParams = z.infer<typeof textGenerateParams>

/** Lets a language model answer; the words go into a stream as they come, and the whole is the result. */
export const textGenerate = (host: AnswerHost): TaskType<TextGenerateParams> => ({
  name: 'text.generate',
  description:
    'A language model answers a prompt or messages, and may call tools for it. The words arrive in the task’s stream; the result holds them whole, with the tokens used.',
  params: textGenerateParams,
  refuse: ({ tools = [] }) => tools.flatMap((name, i) => host.tools.unknown(name, ['input', 'params', 'tools', String(i)]) ?? []),
  streams: true,
  needsDatabase: true,
  async run(task) {
    const { prompt, messages, system, model, ...how } = task.params
    const conversation = messages ?? [{ role: 'user' as const, content: prompt! }]
    const answered = await answer(
      task,
      { messages: system ? [{ role: 'system', content: system }, ...conversation] : conversation, model: model ?? null, ...how },
      host,
    )
    const { text, object, finishReason, provider, inputTokens, outputTokens, toolsInvoked } = answered
    const usage = { inputTokens, outputTokens }
    return { result: { text, ...(how.schema !== undefined && { object }), finishReason, provider, model: answered.model, usage, toolsInvoked } }
  },
})
