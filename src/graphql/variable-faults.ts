/**
 * What is wrong with variables, without the values: graphql-js repeats a whole input for one field that is missing from it, also where
 * a password or a key stands beside it.
 */
import { coerceInputValue, type ExecutionResult, GraphQLError, type GraphQLSchema, isInputType, type OperationDefinitionNode, typeFromAST } from 'graphql'

const TELLS_VALUE = /^Variable "\$\w+" got invalid value /
const MAX_MESSAGE = 300

interface Given {
  schema: GraphQLSchema
  operation: OperationDefinitionNode
  variables: Readonly<Record<string, unknown>>
}

/** The result as it is, but for the values in what it says of its variables. */
export function withoutVariableValues<R extends ExecutionResult>(result: R, given: Given): R {
  const tells = (error: GraphQLError) => !error.path && TELLS_VALUE.test(error.message)
  if (!result.errors?.some(tells)) return result
  // The same faults in the same order: graphql-js finds them in this way too.
  const faults = faultsOf(given)
  const errors = result.errors.map((error) =>
    tells(error) ? (faults.shift() ?? new GraphQLError('A variable has an invalid value.', { nodes: error.nodes })) : error,
  )
  return { ...result, errors }
}

function faultsOf({ schema, operation, variables }: Given): GraphQLError[] {
  const faults: GraphQLError[] = []
  for (const definition of operation.variableDefinitions ?? []) {
    const name = definition.variable.name.value
    const type = typeFromAST(schema, definition.type as never)
    // What is missing or null is told without a value.
    if (!isInputType(type) || variables[name] === undefined || variables[name] === null) continue
    coerceInputValue(variables[name], type, (path, _value, error) => {
      const where = path.length ? ` at "${name}${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')}"` : ''
      faults.push(new GraphQLError(`Variable "$${name}" got invalid value${where}; ${valueless(error.message)}`, { nodes: [definition] }))
    })
  }
  return faults
}

/** `String cannot represent a non string value: {…}` is said of what stands in the wrong place, which may be anything. */
function valueless(message: string): string {
  const bare = message.replace(/( cannot represent .*?value): .*$/s, '$1.')
  return bare.length <= MAX_MESSAGE ? bare : `${bare.slice(0, MAX_MESSAGE)}…`
}
