import { z } from 'zod'
import type { Providers } from '../../providers/provider.ts'
import type { TaskType } from '../task-type.ts'

const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']).describe('Who says it.'),
  content: z.string().min(1).max(100_000).describe('What is said.'),
})

export const textGenerateParams = z
  .strictObject({
    prompt: z.string().min(1, 'Must not be empty').max(100_000).optional().describe('What to answer; instead of messages.'),
    messages: z.array(message).min(1).max(500).optional().describe('The conversation to answer; instead of a prompt.'),
    system: z.string().min(1).max(20_000).optional().describe('Instructions that go before all else.'),
    model: z.string().min(1).max(200).optional().describe('As `provider/model`; left out: the default of this server.'),
    temperature: z.number().min(0).max(2).optional().describe('From 0 (steady) to 2 (wild).'),
    maxOutputTokens: z.int().min(1).max(100_000).optional().describe('The answer ends after so many tokens.'),
  })
  .refine((params) => (params.prompt === undefined) !== (params.messages === undefined), {
    message: 'Give a prompt or messages, one of the two',
    path: ['prompt'],
  })

export type TextGenerateParams = z.infer<typeof textGenerateParams>

/** Lets a language model answer; the words go into a stream as they come, and the whole is the result. */
export const textGenerate = (providers: Providers): TaskType<TextGenerateParams> => ({
  name: 'text.generate',
  description: 'A language model answers a prompt or messages. The words arrive in the task’s stream; the result holds them whole.',
  params: textGenerateParams,
  streams: true,
  async run(task) {
    const { prompt, messages, system, model, temperature, maxOutputTokens } = task.params
    const conversation = messages ?? [{ role: 'user' as const, content: prompt! }]
    const generation = await providers.generate({
      messages: system ? [{ role: 'system', content: system }, ...conversation] : conversation,
      model: model ?? null,
      ...(temperature !== undefined && { temperature }),
      ...(maxOutputTokens !== undefined && { maxOutputTokens }),
      signal: task.signal,
    })
    const stream = await task.openStream({ model: generation.model, provider: generation.provider })
    let text = ''
    for await (const part of generation.parts) {
      task.signal.throwIfAborted()
      if (part.kind === 'TEXT') text += part.content
      await stream.write(part.kind, part.content)
    }
    const { finishReason, usage } = await generation.outcome
    task.signal.throwIfAborted()
    return { result: { text, finishReason, provider: generation.provider, model: generation.model, usage } }
  },
})
