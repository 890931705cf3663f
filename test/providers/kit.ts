import type { Generation, GenerationPart, ProviderLog } from '../../src/providers/provider.ts'

export const silent: ProviderLog = { info() {}, warn() {} }

/** A request nobody cancels, unless `signal` is given. */
export function ask(content: string, more: { model?: string | null; maxOutputTokens?: number; temperature?: number; signal?: AbortSignal } = {}) {
  return { messages: [{ role: 'user' as const, content }], model: null, ...more, signal: more.signal ?? new AbortController().signal }
}

export async function partsOf(generation: Generation): Promise<GenerationPart[]> {
  const parts: GenerationPart[] = []
  for await (const part of generation.parts) parts.push(part)
  return parts
}

export async function textOf(generation: Generation): Promise<string> {
  return (await partsOf(generation)).map(({ content }) => content).join('')
}

/** Reads to the end and answers both what came and what was thrown; fails when nothing was. */
export async function failureOf(generation: Generation): Promise<{ text: string; error: Error & Record<string, unknown> }> {
  let text = ''
  try {
    for await (const part of generation.parts) text += part.content
  } catch (error) {
    return { text, error: error as Error & Record<string, unknown> }
  }
  throw new Error(`The generation ended well, with ${JSON.stringify(text)}.`)
}
