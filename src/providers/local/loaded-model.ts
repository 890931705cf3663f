/** The engine. Only the process of the local model may import this file. */
import { type ChatHistoryItem, getLlama, JinjaTemplateChatWrapper, LlamaChat, LlamaLogLevel } from 'node-llama-cpp'
import type { PlainMessage } from '../plain-stream.ts'
import type { Ending } from '../provider.ts'
import { joinWeights } from './join-weights.ts'
import type { Loading, Order } from './local-messages.ts'

const defaultOutputTokens = 256
/**
 * Nothing can interrupt the reading of a slice, so this is how long a cancel may take: a second on one slow core. In slices
 * of eight a prompt would take three times as long to read.
 */
const sliceTokens = 64
/** What the template puts around a message, and a little more. */
const roleTokens = 12
/** A model this small rambles when warm. */
const defaultTemperature = 0.3

export interface LoadedModel {
  answer(order: Order, signal: AbortSignal, onText: (text: string) => void): Promise<{ ending: Ending; messagesLeftOut: number }>
}

/** Never downloads, never compiles: the weights and the binary are installed, or this fails. */
export async function loadModel({ modelFolder, weights, threads, contextTokens }: Loading): Promise<LoadedModel> {
  const modelPath = await joinWeights(modelFolder, weights)
  const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false, maxThreads: threads, logLevel: LlamaLogLevel.error })
  const model = await llama.loadModel({ modelPath })
  const context = await model.createContext({ contextSize: contextTokens, threads })
  const sequence = context.getSequence()
  // The template comes with the weights, so the roles are marked as in training. Named, because finding out takes a second.
  const template = model.fileInfo.metadata.tokenizer.chat_template
  if (template === undefined) throw new Error('The weights bring no chat template.')
  const chat = new LlamaChat({ contextSequence: sequence, chatWrapper: new JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer }) })
  const tokensOf = (messages: PlainMessage[]) =>
    chat.chatWrapper.generateContextState({ chatHistory: historyOf(messages) }).contextText.tokenize(model.tokenizer)

  return {
    async answer({ messages, temperature, maxOutputTokens = defaultOutputTokens, stop, schema }, signal, onText) {
      const fitting = newestThatFit(messages, context.contextSize - Math.min(maxOutputTokens, context.contextSize / 2), (text) => model.tokenize(text).length)
      const tokens = tokensOf(fitting)

      // Read what is new of the prompt in slices. What the last order left is kept as far as both begin alike.
      const known = commonStart(sequence.contextTokens, tokens.slice(0, -1))
      await sequence.eraseContextTokenRanges([{ start: known, end: sequence.nextTokenIndex }])
      for (let at = known; at < tokens.length - 1; at += sliceTokens) {
        signal.throwIfAborted()
        await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, Math.min(at + sliceTokens, tokens.length - 1)))
      }

      const before = sequence.tokenMeter.getState()
      const { metadata } = await chat.generateResponse(historyOf(fitting), {
        signal,
        customStopTriggers: stop,
        grammar: typeof schema !== 'object' ? undefined : await llama.createGrammarForJsonSchema(schema as never),
        temperature: temperature ?? defaultTemperature,
        maxTokens: Math.min(maxOutputTokens, context.contextSize - tokens.length),
        // Without it a model this small falls into loops.
        repeatPenalty: { penalty: 1.1, lastTokens: 64 },
        // Holds characters back until all their bytes are there.
        onTextChunk: onText,
      })
      const finishReason = metadata.stopReason === 'maxTokens' ? 'length' : 'stop'
      const outputTokens = sequence.tokenMeter.diff(before).usedOutputTokens
      return { ending: { finishReason, inputTokens: tokens.length, outputTokens }, messagesLeftOut: messages.length - fitting.length }
    },
  }
}

function historyOf(messages: PlainMessage[]): ChatHistoryItem[] {
  const history = messages.map(
    ({ role, content }): ChatHistoryItem => (role === 'assistant' ? { type: 'model', response: [content] } : { type: role, text: content }),
  )
  return [...history, { type: 'model', response: [] }]
}

/** Leaves out the oldest messages when they are too many; what the system said and the last message stay. */
function newestThatFit(messages: PlainMessage[], room: number, tokensIn: (text: string) => number): PlainMessage[] {
  const lengthOf = ({ content }: PlainMessage) => tokensIn(content) + roleTokens
  const system = messages.filter(({ role }) => role === 'system')
  const kept = new Set(system)
  let left = room - system.reduce((sum, message) => sum + lengthOf(message), 0)
  for (const message of messages.filter(({ role }) => role !== 'system').reverse()) {
    left -= lengthOf(message)
    if (left < 0 && kept.size > system.length) break
    if (left < 0) throw new Error(`The message is about ${-left} tokens too long: this model has room for ${room} beside its answer.`)
    kept.add(message)
  }
  return messages.filter((message) => kept.has(message))
}

function commonStart<T>(some: readonly T[], others: readonly T[]): number {
  const differs = some.findIndex((one, index) => one !== others[index])
  return differs < 0 ? some.length : differs
}
