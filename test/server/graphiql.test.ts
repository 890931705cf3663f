import { getIntrospectionQuery, Kind, parse, validate } from 'graphql'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { limitsOf } from '../../src/graphql/limits.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { graphiqlQueries } from '../../src/server/graphiql.ts'

const schema = buildSchema()
const weigh = limitsOf(schema, readConfig({}))

it.each([...graphiqlQueries, getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true })])(
  'GraphiQL opens with what the server accepts: %s',
  (query) => {
    const document = parse(query)
    expect(validate(schema, document)).toEqual([])
    const [operation] = document.definitions
    if (operation?.kind === Kind.OPERATION_DEFINITION) expect(weigh(document, operation, {}).cost).toBeLessThan(1000)
  },
)
