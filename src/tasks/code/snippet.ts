/** What is said of a snippet between the server and the process that runs it. */

export interface Snippet {
  language: 'javascript' | 'python'
  code: string
  input?: unknown
  memoryMb: number
}

export interface SnippetEnd {
  exitCode: number
  /** What the last expression is, where that has a JSON form. */
  value?: unknown
  /** Why it is not there, where the last expression is something. */
  valueOmitted?: string
}

/** Bytes of the last expression's JSON. */
export const MAX_VALUE_BYTES = 200_000
/** The name of the snippet in what it is told of its errors. */
export const SNIPPET_NAME = 'snippet'
