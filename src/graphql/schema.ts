/** The whole schema: the only place that knows the rooms. */
import './scalars.ts'
import './node.ts'
import '../events/events.graphql.ts'
import '../identity/user.graphql.ts'
import '../identity/user-mutations.graphql.ts'
import '../identity/session.graphql.ts'
import '../identity/session-mutations.graphql.ts'
import '../identity/api-key.graphql.ts'
import '../tasks/task.graphql.ts'
import '../tasks/tasks-queries.graphql.ts'
import '../tasks/tasks-mutations.graphql.ts'
import '../streams/stream.graphql.ts'
import '../streams/streams-queries.graphql.ts'
import '../streams/streams-mutations.graphql.ts'
import type { GraphQLSchema } from 'graphql'
import { builder } from './builder.ts'

export const buildSchema = (): GraphQLSchema => builder.toSchema()
