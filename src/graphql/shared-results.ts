/**
 * One execution and one serialization for many readers of the same thing.
 *
 * A root field of a subscription may declare `shares`; its source then hands the very same value to all who wait for it. Whoever
 * asks with the same document, operation, variables and right is given the result that the first of them executed. Each
 * reader still pulls by itself, so each right ends by itself and a slow reader holds nobody up.
 */
import { type DocumentNode, type ExecutionArgs, getOperationAST, Kind, visit } from 'graphql'
import { isKnown, type KnownActor } from '../core/actor.ts'
import type { Context } from './context.ts'
import type { LiveResult } from './subscribe.ts'

/** What a root field declares in its extensions to be shared. */
export interface Shares {
  /** The argument that only says where a reader goes on. */
  resumedBy: string
  /** Fields that tell the source value alone. A document with any other is shared within one session or key only. */
  plain: readonly string[]
}

/** On a result of such a value: what it reads on the wire, made when it is first asked for. */
export const WIRE = Symbol('wire')

/** For the benchmarks, which compare with a server that executes for each reader. */
export const sharing = { on: true }

interface Plan {
  id: number
  /** The variable that only says where a reader goes on, where there is one. */
  resumedBy: string | null
  plain: boolean
}

const plans = new WeakMap<DocumentNode, Map<string, Plan | null>>()
let made = 0

/** By what a reader's results are told from those of others; null: they are not shared. */
export function shareKey({ schema, document, operationName, variableValues, contextValue }: ExecutionArgs): string | null {
  const { actor } = contextValue as Context
  if (!sharing.on || !actor || !isKnown(actor)) return null
  const byName = plans.get(document) ?? new Map<string, Plan | null>()
  plans.set(document, byName)
  const name = operationName ?? ''
  if (!byName.has(name)) byName.set(name, planOf(schema, document, operationName))
  const plan = byName.get(name)
  if (!plan) return null
  const { [plan.resumedBy ?? '']: _place, ...variables } = variableValues ?? {}
  return JSON.stringify([plan.id, variables, rightOf(actor, plan.plain)])
}

/** Whatever a resolver may read of the actor. */
function rightOf(actor: KnownActor, plain: boolean): unknown[] {
  const scopes = actor.kind === 'apiKey' ? [...actor.scopes].sort() : null
  const own = plain ? null : actor.kind === 'session' ? actor.sessionId : actor.kind === 'apiKey' ? actor.apiKeyId : null
  return [actor.kind, actor.userId, actor.role, scopes, own]
}

function planOf(schema: ExecutionArgs['schema'], document: DocumentNode, operationName: ExecutionArgs['operationName']): Plan | null {
  const [root, ...more] = getOperationAST(document, operationName)?.selectionSet.selections ?? []
  if (root?.kind !== Kind.FIELD || more.length) return null
  const shares = schema.getSubscriptionType()?.getFields()[root.name.value]?.extensions.shares as Shares | undefined
  if (!shares) return null
  const uses = new Map<string, number>()
  let plain = true
  visit(document, {
    VariableDefinition: () => false,
    Variable: ({ name }) => void uses.set(name.value, (uses.get(name.value) ?? 0) + 1),
    Field: ({ name }) => {
      plain &&= name.value === root.name.value || name.value === '__typename' || shares.plain.includes(name.value)
    },
  })
  const place = root.arguments?.find(({ name }) => name.value === shares.resumedBy)?.value
  // Used elsewhere too, it says more than where to go on.
  const resumedBy = place?.kind === Kind.VARIABLE && uses.get(place.name.value) === 1 ? place.name.value : null
  return { id: ++made, resumedBy, plain }
}

/** What a result reads on the wire. */
export class Wire {
  #json: string | null = null
  #event: Uint8Array | null = null

  json(result: LiveResult): string {
    this.#json ??= JSON.stringify(result)
    return this.#json
  }

  event(make: () => Uint8Array): Uint8Array {
    this.#event ??= make()
    return this.#event
  }
}

export type SharedResult = LiveResult & { [WIRE]?: Wire }

export const jsonOf = (result: SharedResult): string => result[WIRE]?.json(result) ?? JSON.stringify(result)

/** The results of a source value by share key; gone with the value. */
const results = new WeakMap<object, Map<string, SharedResult | Promise<SharedResult>>>()

/** What the first reader with this key has executed, or executes right now; a result with errors is everybody's own. */
export async function sharedResult(value: object, key: string, execute: () => LiveResult | Promise<LiveResult>): Promise<SharedResult> {
  const byKey = results.get(value) ?? new Map<string, SharedResult | Promise<SharedResult>>()
  results.set(value, byKey)
  const known = byKey.get(key)
  if (known) {
    const result = await known
    return result.errors ? execute() : result
  }
  const begun = execute()
  if (!(begun instanceof Promise)) {
    const result = wired(begun)
    byKey.set(key, result)
    return result
  }
  const shared = begun.then(wired)
  byKey.set(key, shared)
  return shared
}

const wired = (result: LiveResult): SharedResult => ({ ...result, [WIRE]: new Wire() })
