/** Counting tokens here, where no provider has said how many there are. */
import { tokenRanks } from './token-ranks.ts'

/** Beyond this a text is counted in parts: a tokenizer takes long over one piece without a break. */
const PART = 20_000

export type TokenCounter = (text: string) => number

let counting: Promise<TokenCounter> | undefined

/** What counts without waiting, for pieces as they come: some microseconds each. */
export function tokenCounter(): Promise<TokenCounter> {
  // It takes tens of megabytes and some tenths of a second to load, the most of it in slices: only a server that asks models pays.
  counting ??= load().catch((error) => {
    counting = undefined
    throw error
  })
  return counting
}

async function load(): Promise<TokenCounter> {
  const [{ GptEncoding }, ranks] = await Promise.all([import('gpt-tokenizer/GptEncoding'), tokenRanks()])
  const encoding = GptEncoding.getEncodingApi('o200k_base', () => ranks)
  // What stands for the end of a text elsewhere is a text like any other here: nobody's prompt may make the counting fail.
  const asText = { disallowedSpecial: new Set<string>() }
  return (text) => {
    let tokens = 0
    for (let at = 0; at < text.length; at += PART) tokens += encoding.countTokens(text.slice(at, at + PART), asText)
    return tokens
  }
}

/**
 * How many tokens a text has, by the o200k encoding of OpenAI. Other models' encodings differ from it, mostly by less than a fifth for
 * English text: it is what one can count on before, or without, the provider's own figure.
 */
export const countTokens = async (text: string): Promise<number> => (await tokenCounter())(text)
