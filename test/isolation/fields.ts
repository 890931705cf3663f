/** The root fields of the rooms whose things belong to somebody, and each place in them where an id goes; read from the schema. */
import { type GraphQLField, type GraphQLInputType, getNamedType, isInputObjectType, isInterfaceType, isListType, isNonNullType } from 'graphql'
import { buildSchema } from '../../src/graphql/schema.ts'

export type Root = 'Query' | 'Mutation' | 'Subscription'

/** Where an id is given: one, a list of them, or comparators. */
export interface Place {
  path: string
  kind: 'id' | 'list' | 'filter'
}

export interface RoomField {
  root: Root
  name: string
  rights: string
  places: Place[]
  /** Of each argument the type as it is written. */
  args: Map<string, string>
}

/** Search (with the vectors of what is in it), facts, audit, figures. */
const ROOMS = /^(ADMIN\+)?(SEARCH|FACTS|AUDIT|FIGURES)_/
/** Context has no scope of its own: it is what these inputs ask for. */
const CONTEXT = /^(ContextFor|ConversationContext)Input$/
/** By which anything is reached, whatever room it is of. */
const ANYTHING = ['node', 'nodes', 'events']

const schema = buildSchema()

export const roomFields: RoomField[] = (['Query', 'Mutation', 'Subscription'] as const).flatMap((root) =>
  Object.values(schema[`get${root}Type`]()!.getFields()).flatMap((field) => {
    const rights = String(field.extensions.rights)
    const isOfRoom = ROOMS.test(rights) || ANYTHING.includes(field.name)
    const places = placesOf(field, isOfRoom)
    return isOfRoom || places.length
      ? [{ root, name: field.name, rights, places, args: new Map(field.args.map(({ name, type }) => [name, String(type)])) }]
      : []
  }),
)

/** Every type that has global ids. */
export const nodeTypes: string[] = schema.getPossibleTypes(nodeInterface()).map(({ name }) => name)

function nodeInterface() {
  const node = schema.getType('Node')
  if (!isInterfaceType(node)) throw new Error('There is no Node.')
  return node
}

function placesOf(field: GraphQLField<unknown, unknown>, isOfRoom: boolean): Place[] {
  const places: Place[] = []
  const walk = (path: string, type: GraphQLInputType, isIn: boolean, above: readonly string[]) => {
    const named = getNamedType(type)
    if (named.name === 'ID' && isIn) places.push({ path, kind: isListType(isNonNullType(type) ? type.ofType : type) ? 'list' : 'id' })
    if (!isInputObjectType(named) || above.includes(named.name)) return
    const fields = named.getFields()
    if (fields.eq && getNamedType(fields.eq.type).name === 'ID') return void (isIn && places.push({ path, kind: 'filter' }))
    for (const inner of Object.values(fields)) walk(`${path}.${inner.name}`, inner.type, isIn || CONTEXT.test(named.name), [...above, named.name])
  }
  for (const arg of field.args) walk(arg.name, arg.type, isOfRoom, [])
  return places
}
