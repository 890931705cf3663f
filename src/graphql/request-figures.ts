/** How often the API is asked for what, how it went, and how long it took. */
import { type GraphQLError, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql'
import { type Actor, isKnown } from '../core/actor.ts'
import { counter, timer } from '../core/figures.ts'

const requests = timer({
  name: 'holdfast_request_seconds',
  help: 'Operations, by name (or by their first field where they have none), kind, and the code of the first error or `ok`. A subscription until it began.',
  labels: ['operation', 'kind', 'status'],
  most: 500,
})
const refusals = counter({ name: 'holdfast_requests_refused', help: 'Requests that were refused before anything was executed, by code.', labels: ['code'] })
const fields = timer({
  name: 'holdfast_root_field_seconds',
  help: 'Fields of Query and Mutation, without what is selected of them.',
  labels: ['field'],
  most: 1000,
})

const LONGEST_NAME = 60
const names = new WeakMap<OperationDefinitionNode, { own: string; field: string }>()

/** What an operation is called here. Strangers may not choose: there would be no end to the names. */
export function operationName(operation: OperationDefinitionNode, actor: Actor): string {
  let known = names.get(operation)
  if (!known) {
    const [first] = operation.selectionSet.selections
    const field = first?.kind === Kind.FIELD ? first.name.value : operation.operation
    known = { own: (operation.name?.value ?? field).slice(0, LONGEST_NAME), field }
    names.set(operation, known)
  }
  return isKnown(actor) ? known.own : known.field
}

export function requestEnded(operation: OperationDefinitionNode, actor: Actor, durationMs: number, error: GraphQLError | undefined): void {
  requests.of(operationName(operation, actor), operation.operation, error ? String(error.extensions.code) : 'ok').putMs(durationMs)
}

/** Counts it, and passes it on. */
export function refused<Fault extends { errors: readonly GraphQLError[] }>(fault: Fault): Fault {
  refusals.of(String(fault.errors[0]?.extensions.code)).add()
  return fault
}

const open = new Map<string, number>()

/** To be called with the end of the subscription. */
export function subscriptionOpened({ selectionSet: { selections } }: OperationDefinitionNode): () => void {
  const [first] = selections
  const field = first?.kind === Kind.FIELD ? first.name.value : 'subscription'
  open.set(field, (open.get(field) ?? 0) + 1)
  return () => void open.set(field, open.get(field)! - 1)
}

/** By their field. */
export const subscriptionsOpen = (): ReadonlyMap<string, number> => open

/** Times every field of Query and Mutation from here on. */
export function timeRootFields(schema: GraphQLSchema): void {
  for (const type of [schema.getQueryType(), schema.getMutationType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const { resolve } = field
      if (!resolve) continue
      const times = fields.of(field.name)
      field.resolve = (root, args, context, info) => {
        const at = performance.now()
        const done = () => times.putMs(performance.now() - at)
        let result: unknown
        try {
          result = resolve(root, args, context, info)
        } catch (error) {
          done()
          throw error
        }
        // Beside the answer, which waits for nothing more.
        if (result instanceof Promise) result.then(done, done)
        else done()
        return result
      }
    }
  }
}
