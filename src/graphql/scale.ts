/** Weighs one operation of a document. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
  valueFromASTUntyped,
} from 'graphql'
import type { Config } from '../config.ts'
import { DEFAULT_PAGE, MAX_PAGE } from '../core/page.ts'

export type Limits = Pick<Config, 'MAX_DEPTH' | 'MAX_COST' | 'MAX_ALIASES'>
export type Variables = Readonly<Record<string, unknown>>

export interface Weight {
  cost: number
  /** Whether `Query.eventCursor` is among the root fields, so that the log's head is read first. */
  asksEventCursor: boolean
  asksIntrospection: boolean
}

const MUTATION_COST = 10
const VALUE_COST = 0.1
/** Of a list that is filtered or ordered: for a short page, all rows of an owner may have to be looked at. */
export const SEARCH_COST = 1300
const SEARCHES = ['filter', 'orderBy']
/** How long a list without pages is taken to be. */
const UNPAGED = 10
const MAX_MUTATIONS = 20
const MAX_DIRECTIVES = 50
/** Introspection has limits of its own: it is deeper than other queries, and its lists are as long as the schema. */
const INTROSPECTION_DEPTH = 20
const INTROSPECTION_COST = 350_000
const INTROSPECTION_LISTS: Record<string, number> = { types: 200, fields: 15, directives: 5, args: 3, inputFields: 5, enumValues: 5, possibleTypes: 5 }

export class TooComplex extends GraphQLError {
  constructor(message: string) {
    super(message, { extensions: { code: 'QUERY_TOO_COMPLEX' } })
  }
}

/** A part's weight. `perRow` counts once for each row of the connection that the part belongs to, `fixed` once. */
interface Part {
  fixed: number
  perRow: number
  introspection: number
  depth: number
}

export class Scale {
  readonly #fragments = new Map<string, FragmentDefinitionNode>()
  readonly #weighed = new Map<string, Part | 'open'>()
  #aliases = 0
  #directives = 0
  #asksIntrospection = false
  dependsOnVariables = false

  constructor(
    readonly schema: GraphQLSchema,
    document: DocumentNode,
    readonly operation: OperationDefinitionNode,
    readonly variables: Variables,
    readonly limits: Limits,
  ) {
    for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition)
  }

  weigh(): Weight {
    const { operation } = this
    const roots = this.#roots(operation.selectionSet)
    if (operation.operation === 'mutation' && roots.length > MAX_MUTATIONS) throw new TooComplex(`At most ${MAX_MUTATIONS} mutations in one operation.`)
    this.#directives += operation.directives?.length ?? 0
    const part = this.#selections(operation.selectionSet, this.schema.getRootType(operation.operation) ?? undefined, false)
    const tenths = Math.round(10 * (part.fixed + part.perRow + (operation.operation === 'mutation' ? roots.length * MUTATION_COST : 0)))
    const cost = Math.ceil(tenths / 10)
    if (cost > this.limits.MAX_COST)
      throw new TooComplex(`This operation costs ${cost}, and at most ${this.limits.MAX_COST} is allowed. Ask for fewer, or shorter, lists.`)
    if (part.introspection > INTROSPECTION_COST) throw new TooComplex('This asks for too much of the schema at once.')
    return {
      cost,
      asksEventCursor: operation.operation === 'query' && roots.some((root) => root.name.value === 'eventCursor'),
      asksIntrospection: this.#asksIntrospection,
    }
  }

  /** The root fields, through fragments. */
  #roots(set: SelectionSetNode, seen = new Set<string>()): FieldNode[] {
    return set.selections.flatMap((selection) => {
      if (selection.kind === Kind.FIELD) return [selection]
      if (selection.kind === Kind.INLINE_FRAGMENT) return this.#roots(selection.selectionSet, seen)
      const fragment = this.#fragments.get(selection.name.value)
      if (!fragment || seen.has(selection.name.value)) return []
      seen.add(selection.name.value)
      return this.#roots(fragment.selectionSet, seen)
    })
  }

  #selections(set: SelectionSetNode, parent: GraphQLNamedType | undefined, inSchema: boolean): Part {
    const sum: Part = { fixed: 0, perRow: 0, introspection: 0, depth: 0 }
    for (const selection of set.selections) {
      this.#directives += selection.directives?.length ?? 0
      if (this.#directives > MAX_DIRECTIVES) throw new TooComplex(`At most ${MAX_DIRECTIVES} directives in one document.`)
      let part: Part
      if (selection.kind === Kind.FIELD) part = this.#field(selection, parent, inSchema)
      else if (selection.kind === Kind.FRAGMENT_SPREAD) part = this.#fragment(selection.name.value, inSchema)
      else part = this.#selections(selection.selectionSet, this.#condition(selection.typeCondition?.name.value, parent), inSchema)
      sum.fixed += part.fixed
      sum.perRow += part.perRow
      sum.introspection += part.introspection
      sum.depth = Math.max(sum.depth, part.depth)
    }
    return sum
  }

  #condition(name: string | undefined, parent: GraphQLNamedType | undefined): GraphQLNamedType | undefined {
    return name === undefined ? parent : this.schema.getType(name)
  }

  #fragment(name: string, inSchema: boolean): Part {
    const key = inSchema ? `${name} in schema` : name
    const known = this.#weighed.get(key)
    if (known === 'open') throw new TooComplex(`The fragment ${name} spreads itself.`)
    if (known) return known
    const fragment = this.#fragments.get(name)
    if (!fragment) return { fixed: 0, perRow: 0, introspection: 0, depth: 0 }
    this.#weighed.set(key, 'open')
    this.#directives += fragment.directives?.length ?? 0
    const part = this.#selections(fragment.selectionSet, this.#condition(fragment.typeCondition.name.value, undefined), inSchema)
    this.#weighed.set(key, part)
    return part
  }

  #field(node: FieldNode, parent: GraphQLNamedType | undefined, inSchema: boolean): Part {
    const name = node.name.value
    if (node.alias && ++this.#aliases > this.limits.MAX_ALIASES) throw new TooComplex(`At most ${this.limits.MAX_ALIASES} aliases in one document.`)
    if (inSchema || name === '__schema' || name === '__type') return this.#introspection(node)
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined
    const below = node.selectionSet && this.#selections(node.selectionSet, field && getNamedType(field.type), false)
    const depth = 1 + (below?.depth ?? 0)
    const deepest = below?.introspection ? INTROSPECTION_DEPTH : this.limits.MAX_DEPTH
    if (depth > deepest) throw new TooComplex(`This operation is more than ${deepest} levels deep.`)
    const own = typeof field?.extensions.cost === 'number' ? field.extensions.cost : node.selectionSet || name === 'totalCount' ? 1 : VALUE_COST
    const times = below && field ? this.#times(field, node, parent) : 1
    const connection = isConnection(field && getNamedType(field.type))
    // The rows of a page are read, whatever is asked of them.
    const reading = connection ? times * VALUE_COST + (this.#isSearch(node) ? SEARCH_COST : 0) : 0
    const cost = own + reading + (connection ? 1 : times) * (below?.fixed ?? 0) + times * (below?.perRow ?? 0)
    const introspection = below?.introspection ?? 0
    // A connection's `edges` and `nodes` stand there once for each of its rows.
    return isConnection(parent) && (name === 'edges' || name === 'nodes')
      ? { fixed: 0, perRow: cost, introspection, depth }
      : { fixed: cost, perRow: 0, introspection, depth }
  }

  #introspection(node: FieldNode): Part {
    this.#asksIntrospection = true
    const below = node.selectionSet && this.#selections(node.selectionSet, undefined, true)
    const depth = 1 + (below?.depth ?? 0)
    if (depth > INTROSPECTION_DEPTH) throw new TooComplex(`Introspection is more than ${INTROSPECTION_DEPTH} levels deep.`)
    const introspection = (below ? 1 : VALUE_COST) + (INTROSPECTION_LISTS[node.name.value] ?? 1) * (below?.introspection ?? 0)
    return { fixed: 0, perRow: 0, introspection, depth }
  }

  /** How often what is below a field may stand in the answer. */
  #times(field: GraphQLField<unknown, unknown>, node: FieldNode, parent: GraphQLNamedType | undefined): number {
    const given = (name: string): unknown => {
      const argument = node.arguments?.find((candidate) => candidate.name.value === name)
      return argument ? this.#value(argument.value) : undefined
    }
    const connection = isConnection(getNamedType(field.type))
    const paged = field.args.find((arg) => arg.name === 'first') ?? field.args.find((arg) => arg.name === 'last')
    if (paged) {
      const asked = [given('first'), given('last')].find((count) => typeof count === 'number') as number | undefined
      const count = asked ?? (typeof paged.defaultValue === 'number' ? paged.defaultValue : DEFAULT_PAGE)
      // Of a connection's longer page not a row is read: it is refused.
      return Math.max(1, connection ? Math.min(count, MAX_PAGE) : count)
    }
    if (connection) return Math.max(1, Math.min(this.#numberIn(node, 'first') ?? DEFAULT_PAGE, MAX_PAGE))
    if (!isListType(getNullableType(field.type)) || isConnection(parent)) return 1
    if (!isCompositeType(getNamedType(field.type))) return 1
    const { rowsOf } = field.extensions
    if (typeof rowsOf === 'string') return Math.max(1, ...this.#roots(this.operation.selectionSet).map((root) => this.#lengthIn(root, rowsOf)))
    const ids = given('ids')
    return field.args.some((arg) => arg.name === 'ids') ? Math.max(1, Array.isArray(ids) ? ids.length : MAX_PAGE) : UNPAGED
  }

  /** How long the list of this name is in a mutation's input. */
  #lengthIn(root: FieldNode, name: string): number {
    const list = this.#inInput(root, name)
    return Array.isArray(list) ? list.length : 1
  }

  #numberIn(node: FieldNode, name: string): number | undefined {
    const value = this.#inInput(node, name)
    return typeof value === 'number' ? value : undefined
  }

  #inInput(node: FieldNode, name: string): unknown {
    const input = node.arguments?.find((argument) => argument.name.value === 'input')
    if (!input) return undefined
    this.dependsOnVariables = true
    const byDefault = (this.operation.variableDefinitions ?? []).map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue && valueFromASTUntyped(defaultValue),
    ])
    const given = valueFromASTUntyped(input.value, { ...Object.fromEntries(byDefault), ...this.variables }) as Variables | null | undefined
    return given?.[name]
  }

  #isSearch(node: FieldNode): boolean {
    return (
      node.arguments?.some(({ name, value }) => SEARCHES.includes(name.value) && value.kind !== Kind.NULL && (this.#value(value) ?? null) !== null) ?? false
    )
  }

  /** As far as it is needed here: numbers, lists and whether there is an object, also out of variables. */
  #value(node: ValueNode): unknown {
    if (node.kind === Kind.VARIABLE) {
      this.dependsOnVariables = true
      const given = this.variables[node.name.value]
      const byDefault = this.operation.variableDefinitions?.find((definition) => definition.variable.name.value === node.name.value)?.defaultValue
      return given === undefined && byDefault ? this.#value(byDefault) : given
    }
    if (node.kind === Kind.INT) return Number(node.value)
    if (node.kind === Kind.LIST) return node.values
    if (node.kind === Kind.OBJECT) return node.fields
    return undefined
  }
}

const isConnection = (type: GraphQLNamedType | undefined): boolean => type?.name.endsWith('Connection') ?? false
