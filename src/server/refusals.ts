/** What the trail is told of operations that were refused as a whole, or in one of their fields, whatever carried them. */
import { type DocumentNode, type ExecutionResult, type FieldNode, Kind, type OperationDefinitionNode, type SelectionSetNode } from 'graphql'
import { type Actor, stranger } from '../core/actor.ts'
import { DomainError } from '../core/errors.ts'
import type { App, Context, Origin } from '../graphql/context.ts'

const BY_RIGHT: readonly unknown[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED']
const KINDS = { mutation: 'MUTATION', query: 'QUERY', subscription: 'SUBSCRIPTION' } as const

/** A request that was refused before anybody read what it asks for. `door`: which, as `POST /graphql`. */
export function tellRefusal(app: App, origin: Origin, door: string, error: unknown, actor: Actor = stranger): void {
  if (!(error instanceof DomainError) || !BY_RIGHT.includes(error.code)) return
  app.audit.refused(actor, app.audit.call(origin, { kind: 'REQUEST', operation: door }), error.code)
}

/** Fields that were refused by right; of a mutation all that failed, but for what it tells as its user errors. */
export function tellRefusals(
  { app, actor, origin }: Context,
  { document, operation }: { document: DocumentNode; operation: OperationDefinitionNode },
  { errors }: ExecutionResult,
  startedAt: number,
): void {
  const told = new Set<string>()
  for (const { path, extensions } of errors ?? []) {
    const isMutation = operation.operation === 'mutation' && path?.length === 1
    if (!isMutation && !BY_RIGHT.includes(extensions.code)) continue
    const field = fieldNamed(operation.selectionSet, path?.[0], document)
    const key = `${String(path?.[0])} ${String(extensions.code)}`
    if (told.has(key)) continue
    told.add(key)
    const call = app.audit.call(origin, {
      kind: KINDS[operation.operation],
      operation: field?.name.value ?? operation.operation,
      operationName: operation.name?.value,
      startedAt,
    })
    app.audit.refused(actor, call, String(extensions.code))
  }
}

/** The root field that is answered under this name. */
function fieldNamed({ selections }: SelectionSetNode, name: unknown, document: DocumentNode): FieldNode | null {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      if ((selection.alias ?? selection.name).value === name) return selection
      continue
    }
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection
        : document.definitions.find((definition) => definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value)
    const found = fragment && 'selectionSet' in fragment && fragment.selectionSet ? fieldNamed(fragment.selectionSet, name, document) : null
    if (found) return found
  }
  return null
}
