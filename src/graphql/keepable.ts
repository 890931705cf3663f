/** What no database of ours can keep, or no scalar should meet: refused wherever it stands in a request. */
import { type DocumentNode, GraphQLError, visit } from 'graphql'

const MAX_VARIABLES_DEPTH = 64

const refusal = (message: string) => new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
const noNulls = () => refusal('Text must not hold null characters (U+0000).')

/** Variables hold no null character and are not nested without end. Not recursive: what it looks for would break recursion. */
export function refuseUnkeepableVariables(variables: Readonly<Record<string, unknown>>): void {
  let level: unknown[] = [variables]
  for (let depth = 0; level.length; depth++) {
    if (depth > MAX_VARIABLES_DEPTH) throw refusal(`Variables are at most ${MAX_VARIABLES_DEPTH} levels deep.`)
    const below: unknown[] = []
    for (const part of level) {
      if (typeof part === 'string') {
        if (part.includes('\u0000')) throw noNulls()
      } else if (Array.isArray(part)) {
        for (const item of part) if (typeof item === 'string' || (typeof item === 'object' && item !== null)) below.push(item)
      } else if (typeof part === 'object' && part !== null) {
        for (const key in part) {
          if (key.includes('\u0000')) throw noNulls()
          const item = (part as Record<string, unknown>)[key]
          if (typeof item === 'string' || (typeof item === 'object' && item !== null)) below.push(item)
        }
      }
    }
    level = below
  }
}

const MAY_HOLD_NULL = /\0|\\u(0000|\{0+\})/

/** The same for text that stands in the document itself. */
export function refuseUnkeepableLiterals(source: string, document: DocumentNode): void {
  if (!MAY_HOLD_NULL.test(source)) return
  visit(document, {
    StringValue(node) {
      if (node.value.includes('\u0000')) throw noNulls()
    },
  })
}
