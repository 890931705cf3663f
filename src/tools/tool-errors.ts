import type { z } from 'zod'
import { DomainError, errorCode } from '../core/errors.ts'

const UNKNOWN_TOOL = errorCode('UNKNOWN_TOOL', 'This server has no tool of this name; `tools` lists those there are.')
const TOOL_FAILED = errorCode('TOOL_FAILED', 'A tool was called in a way it does not take, took too long, or answered too much.')

export class UnknownTool extends DomainError {
  constructor(name: string, known: readonly string[], path: string[]) {
    super(UNKNOWN_TOOL, `There is no tool "${name.slice(0, 100)}"; there are ${known.length ? known.join(', ') : 'none'}.`, path)
  }
}

export class ToolFailed extends DomainError {
  constructor(message: string) {
    super(TOOL_FAILED, message)
  }
}

export class ToolInputInvalid extends ToolFailed {
  constructor(name: string, issues: readonly z.core.$ZodIssue[]) {
    super(
      `${name} does not take this input: ${issues
        .slice(0, 5)
        .map(({ path, message }) => (path.length ? `${path.join('.')}: ${message}` : message))
        .join('; ')}.`,
    )
  }
}
