import { DomainError, errorCode } from '../../core/errors.ts'
import { MAX_VALUE_BYTES } from './snippet.ts'

const CODE_RUN_FAILED = errorCode('CODE_RUN_FAILED', 'The snippet needed more memory, time or room than it may take.')
const CODE_RUN_UNAVAILABLE = errorCode('CODE_RUN_UNAVAILABLE', 'Snippets cannot be run safely on this machine.')

/** The same snippet would fail again. */
export class SnippetFailed extends DomainError {
  constructor(message: string) {
    super(CODE_RUN_FAILED, message)
  }
}

export class SnippetsUnavailable extends DomainError {
  constructor(reason: string) {
    super(CODE_RUN_UNAVAILABLE, `Snippets cannot be run here: ${reason}.`)
  }
}

export const neededMemory = (memoryMb: number) => new SnippetFailed(`The snippet needed more than ${memoryMb} MB of memory.`)
export const tookTooLong = (seconds: number) => new SnippetFailed(`The snippet ran longer than ${seconds} s.`)
export const printedTooMuch = (bytes: number) => new SnippetFailed(`The snippet printed more than ${bytes} bytes.`)
export const valueTooLarge = () => new SnippetFailed(`The value of the snippet has more than ${MAX_VALUE_BYTES} bytes as JSON.`)
export const nestedTooDeep = () => new SnippetFailed('The snippet nested calls or data deeper than its interpreter can follow.')
export const interpreterFailed = (how: string) => new SnippetFailed(`The snippet brought its interpreter to a fault (${how}).`)
