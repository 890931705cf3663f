/** What is asked, in the words of the AI SDK. */
import { type JSONSchema7, type JSONValue, jsonSchema, type ModelMessage, type streamText, type ToolSet, tool } from 'ai'
import type { ChatMessage, GenerationRequest, OfferedTool, Reasoning } from './provider.ts'

type ProviderOptions = NonNullable<Parameters<typeof streamText>[0]['providerOptions']>

/** Tokens that Anthropic's models may think with; OpenAI's are told the word itself. */
const THINKING_TOKENS: Record<Reasoning, number> = { LOW: 1024, MEDIUM: 4096, HIGH: 16_384 }

/** On the wire a tool's name may hold letters, digits, `_` and `-`. */
export const wireName = (name: string): string => name.replaceAll(/[^\w-]/g, '_')

export function sdkMessages(messages: readonly ChatMessage[]): ModelMessage[] {
  const converted: ModelMessage[] = []
  for (const message of messages) {
    const last = converted.at(-1)
    if (message.role === 'tool') {
      // What was called at once is answered at once.
      if (last?.role === 'tool') last.content.push(resultOf(message))
      else converted.push({ role: 'tool', content: [resultOf(message)] })
    } else if (message.role === 'assistant' && message.toolCalls?.length) {
      const calls = message.toolCalls.map(({ callId, name, input }) => ({ type: 'tool-call' as const, toolCallId: callId, toolName: wireName(name), input }))
      converted.push({ role: 'assistant', content: message.content ? [{ type: 'text', text: message.content }, ...calls] : calls })
    } else converted.push({ role: message.role, content: message.content })
  }
  return converted
}

function resultOf({ callId, name, output, isError }: Extract<ChatMessage, { role: 'tool' }>) {
  const text = typeof output === 'string' ? output : JSON.stringify(output ?? null)
  return {
    type: 'tool-result' as const,
    toolCallId: callId,
    toolName: wireName(name),
    output: isError
      ? { type: 'error-text' as const, value: text }
      : typeof output === 'string'
        ? { type: 'text' as const, value: text }
        : { type: 'json' as const, value: (output ?? null) as JSONValue },
  }
}

export function sdkTools(
  offered: readonly OfferedTool[],
  run: (tool: OfferedTool, input: unknown, callId: string, signal: AbortSignal) => Promise<unknown>,
): ToolSet {
  return Object.fromEntries(
    offered.map((each) => [
      wireName(each.name),
      tool({
        description: each.description,
        inputSchema: jsonSchema(each.inputSchema as JSONSchema7),
        execute: (input: unknown, { toolCallId, abortSignal }) => run(each, input, toolCallId, abortSignal!),
      }),
    ]),
  )
}

/** Each provider of the SDK takes what is under its own name and leaves the rest. */
export function providerOptions({ reasoning, schema }: Pick<GenerationRequest, 'reasoning' | 'schema'>): ProviderOptions {
  return {
    openaiCompatible: {
      ...(reasoning && { reasoningEffort: reasoning.toLowerCase() }),
      ...(schema !== undefined && { strictJsonSchema: isStrict(schema) }),
    },
    ...(reasoning && { anthropic: { thinking: { type: 'enabled', budgetTokens: THINKING_TOKENS[reasoning] } } }),
  }
}

/** The most that is answered: Anthropic's thinking comes on top of what is asked for. */
export const mostAnswered = (provider: string, { maxOutputTokens, reasoning }: GenerationRequest): number | null =>
  maxOutputTokens === undefined ? null : maxOutputTokens + (reasoning && provider.startsWith('anthropic') ? THINKING_TOKENS[reasoning] : 0)

/** OpenAI refuses to hold an answer strictly to a schema that leaves anything open; asked loosely it takes every one. */
function isStrict(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return true
  if (Array.isArray(schema)) return schema.every(isStrict)
  const { properties, required, additionalProperties } = schema as Record<string, unknown>
  if (typeof properties === 'object' && properties !== null && !Array.isArray(properties)) {
    const names = Object.keys(properties)
    if (additionalProperties !== false || !Array.isArray(required) || !names.every((name) => required.includes(name))) return false
  }
  return Object.values(schema).every(isStrict)
}
