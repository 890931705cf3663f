/**
 * One operation, from its text to its result: the same for every transport.
 *
 * `prepare` parses, weighs and validates; `run` executes. Whatever goes wrong comes back as a result with masked errors
 * and is never thrown. All goes through Yoga's envelope, so that its plugins and caches hold on every transport.
 */
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  type OperationTypeNode,
} from 'graphql'
import type { Config } from '../config.ts'
import { isKnown } from '../core/actor.ts'
import { readHead, toCursor } from '../events/log.ts'
import type { Context } from './context.ts'
import { refuseUnkeepableLiterals, refuseUnkeepableVariables } from './keepable.ts'
import { limitsOf } from './limits.ts'
import { maskError } from './mask.ts'
import { Refused } from './refused.ts'
import { subscriptionOpened } from './request-figures.ts'
import { TooComplex } from './scale.ts'
import { type LiveResult, type LiveResults, untilEnded } from './subscribe.ts'
import { withoutVariableValues } from './variable-faults.ts'

export interface Params {
  query: string
  operationName?: string | null | undefined
  variables?: Record<string, unknown> | null | undefined
  extensions?: Record<string, unknown> | null | undefined
}

export interface Call {
  params: Params
  context: Context
  /** Throws where the transport does not carry this kind of operation. */
  permit?: (kind: OperationTypeNode) => void
  /** What trace the client says it belongs to. */
  traceparent?: unknown
  /** Whether the result tells what the operation costs. */
  tellCost?: boolean
  /** Called once when a subscription has ended, however it did. */
  onEnd?: () => void
}

export interface Prepared {
  document: DocumentNode
  operation: OperationDefinitionNode
  run(): Promise<ExecutionResult | LiveResults>
}

/** What stands in the place of a prepared operation that will not run. */
export type Fault = { errors: readonly GraphQLError[] }

/** What is used of Yoga's envelope. */
export interface Enveloped {
  schema: GraphQLSchema
  parse(source: string, options?: object): DocumentNode
  validate(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[]
  contextFactory(): unknown
  execute(args: ExecutionArgs): unknown
  subscribe(args: ExecutionArgs): unknown
}

export type GetEnveloped = (context: Context) => Enveloped

/** Gives the function that prepares an operation. */
export function preparing(schema: GraphQLSchema, config: Config, getEnveloped: GetEnveloped): (call: Call) => Prepared | Fault {
  const weigh = limitsOf(schema, config)
  return (call) => {
    const { params, context } = call
    try {
      const variables = params.variables ?? {}
      const enveloped = getEnveloped(context)
      refuseUnkeepableVariables(variables)
      const document = parse(enveloped, params.query, config.MAX_TOKENS)
      refuseUnkeepableLiterals(params.query, document)
      const operation = chosen(document, params.operationName)
      call.permit?.(operation.operation)
      const weight = weigh(document, operation, variables)
      if (weight.asksIntrospection && isGuarded(context)) throw refusal('Introspection is for those who are logged in.')
      const faults = enveloped.validate(enveloped.schema, document)
      if (faults.length) return { errors: faults.map((fault) => masked(fault, context)) }
      const args = { schema: enveloped.schema, document, variableValues: variables, operationName: params.operationName ?? null }
      const cost = call.tellCost ? { requested: weight.cost, limit: config.MAX_COST } : undefined
      return { document, operation, run: () => run(call, enveloped, args, operation, weight.asksEventCursor, cost) }
    } catch (error) {
      // Parsing and validating are recursive, and the stack ends before some documents do.
      return { errors: [masked(error instanceof RangeError ? new TooComplex('This document is nested too deeply.') : error, context)] }
    }
  }
}

async function run(
  { context, onEnd }: Call,
  enveloped: Enveloped,
  args: Omit<ExecutionArgs, 'contextValue'>,
  operation: OperationDefinitionNode,
  asksEventCursor: boolean,
  cost: object | undefined,
): Promise<ExecutionResult | LiveResults> {
  const { schema, variableValues } = args
  const told = <R extends ExecutionResult>(result: R): R =>
    presentable(withoutVariableValues(result, { schema, operation, variables: variableValues ?? {} }), context)
  try {
    if (asksEventCursor) {
      const head = await readHead(context.app.store.database)
      context.eventCursor = toCursor(head.logId, head.position)
    }
    const contextValue = await enveloped.contextFactory()
    if (operation.operation !== 'subscription') {
      const result = told((await enveloped.execute({ ...args, contextValue })) as ExecutionResult)
      return cost ? { ...result, extensions: { ...result.extensions, cost } } : result
    }
    const results = (await enveloped.subscribe({ ...args, contextValue })) as ExecutionResult | LiveResults
    if (!(Symbol.asyncIterator in results)) {
      onEnd?.()
      return told(results)
    }
    const closed = subscriptionOpened(operation)
    return untilEnded(results, {
      signal: context.signal,
      each: (result) => presentable(result, context),
      last: (error) => ({ errors: [masked(error, context)] }),
      done: () => {
        closed()
        onEnd?.()
      },
    })
  } catch (error) {
    onEnd?.()
    return { errors: [masked(error, context)] }
  }
}

function parse(enveloped: Enveloped, query: string, maxTokens: number): DocumentNode {
  try {
    return enveloped.parse(query, { maxTokens })
  } catch (error) {
    if (error instanceof GraphQLError && error.message.includes('tokens. Parsing aborted')) throw new TooComplex(`A document has at most ${maxTokens} tokens.`)
    throw error
  }
}

function chosen(document: DocumentNode, name: string | null | undefined): OperationDefinitionNode {
  const operation = getOperationAST(document, name)
  if (operation) return operation
  const count = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION).length
  if (count === 0) throw refusal('The document holds no operation.')
  throw refusal(name ? 'The document holds no operation of this name.' : 'The document holds several operations: say which in `operationName`.')
}

const refusal = (message: string) => new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })

/** In production strangers are not shown what the schema holds, neither by introspection nor by suggestions. */
const isGuarded = (context: Context): boolean => context.app.config.PRODUCTION && !isKnown(context.actor)

function presentable<R extends LiveResult>(result: R, context: Context): R {
  return result.errors?.length ? { ...result, errors: result.errors.map((error) => masked(error, context)) } : result
}

/** The error as it may leave the server. What is ours to mend goes to the log. */
export function masked(error: unknown, context: Context): GraphQLError {
  if (error instanceof Refused) return error
  const { requestId } = context.origin
  const out = maskError(error, requestId, (cause) => {
    const log = context.app.log
    // Whoever left does not read the answer, and what is given up then is no fault.
    if (context.signal.aborted) log.debug({ requestId, err: cause }, 'An operation was given up')
    else log.error({ requestId, err: cause }, 'An operation failed')
  })
  if (!isGuarded(context) || !out.message.includes('Did you mean')) return out
  const { nodes, source, positions, path, extensions } = out
  return new GraphQLError(out.message.replace(/ ?Did you mean .*\?$/s, ''), { nodes, source, positions, path, extensions })
}
