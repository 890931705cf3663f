/**
 * What an operation may ask for, weighed before it is validated or executed: a short text can ask for more than any
 * server has.
 *
 * The cost of an operation: 1 for each object or list, a tenth for each plain value and each row of a page, 10 for each
 * mutation, 1,000 for a page that is filtered or ordered, or what the field's `extensions.cost` says; and all that stands
 * below a list as often as the list may be long. Every fragment is
 * weighed once, however often it is spread, so weighing takes time in proportion to the text. Documents may be invalid:
 * what the schema does not know counts, and multiplies nothing.
 */
import { type DocumentNode, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql'
import { type Limits, Scale, type Variables, type Weight } from './scale.ts'

/** Gives the function that weighs a document's operations and refuses what is too much. The weight is that of the chosen one. */
export function limitsOf(schema: GraphQLSchema, limits: Limits): (document: DocumentNode, operation: OperationDefinitionNode, variables: Variables) => Weight {
  // Documents are parsed once and kept, so most are weighed once; not those whose pages are as long as a variable says.
  const weighed = new WeakMap<OperationDefinitionNode, Weight>()
  return (document, operation, variables) => {
    const known = weighed.get(operation)
    if (known) return known
    let weight: Weight | undefined
    let constant = true
    // All of them, for validation reads all of them.
    for (const definition of document.definitions) {
      if (definition.kind !== Kind.OPERATION_DEFINITION) continue
      const scale = new Scale(schema, document, definition, variables, limits)
      const each = scale.weigh()
      constant &&= !scale.dependsOnVariables
      if (definition === operation) weight = each
    }
    if (!weight) throw new Error('The operation is not of this document.')
    if (constant) weighed.set(operation, weight)
    return weight
  }
}
