import { paramsCheck } from '../tasks/params-schema.ts'
import { AnswerUnfit } from './answer-errors.ts'

/** What the text of an answer means; throws `AnswerUnfit` where it is not what was asked for. */
export type AnswerCheck = (text: string, finishReason: string) => unknown

const MOST_TOLD = 5

export function answerCheck(schema: unknown): AnswerCheck {
  const check = paramsCheck(schema)
  return (text, finishReason) => {
    let object: unknown
    try {
      object = JSON.parse(text)
    } catch (error) {
      throw new AnswerUnfit(whyNoJson(finishReason) ?? `it is no JSON (${(error as Error).message}).`)
    }
    const issues = check(object)
    if (issues.length)
      throw new AnswerUnfit(
        `${issues
          .slice(0, MOST_TOLD)
          .map(({ path, message }) => `${path.length ? `${path.join('.')}: ` : ''}${message}`)
          .join('; ')}.`,
      )
    return object
  }
}

const whyNoJson = (finishReason: string): string | null =>
  finishReason === 'length'
    ? 'it was cut at its limit of tokens before it was whole.'
    : finishReason === 'tool-calls'
      ? 'the model still called tools when its calls were used up.'
      : null
