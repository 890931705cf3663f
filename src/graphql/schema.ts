/** The whole schema: the only place that knows the rooms. */
import './scalars.ts'
import './node.ts'
import '../events/events.graphql.ts'
import '../events/invariants.graphql.ts'
import '../identity/user.graphql.ts'
import '../identity/user-mutations.graphql.ts'
import '../identity/session.graphql.ts'
import '../identity/session-mutations.graphql.ts'
import '../identity/api-key.graphql.ts'
import '../tasks/task.graphql.ts'
import '../tasks/task-relations.graphql.ts'
import '../tasks/tasks-queries.graphql.ts'
import '../tasks/task-stats.graphql.ts'
import '../tasks/task-types.graphql.ts'
import '../tasks/task-types-mutations.graphql.ts'
import '../tasks/tasks-create.graphql.ts'
import '../tasks/tasks-create-many.graphql.ts'
import '../tasks/tasks-update.graphql.ts'
import '../tasks/tasks-mutations.graphql.ts'
import '../tasks/tasks-many.graphql.ts'
import '../tasks/tasks-claim.graphql.ts'
import '../tasks/tasks-work.graphql.ts'
import '../tasks/tasks-work-many.graphql.ts'
import '../tasks/task-child.graphql.ts'
import '../schedules/schedule.graphql.ts'
import '../schedules/schedules-queries.graphql.ts'
import '../schedules/schedules-mutations.graphql.ts'
import '../providers/model-provider.graphql.ts'
import '../providers/model.graphql.ts'
import '../providers/model-providers-queries.graphql.ts'
import '../providers/model-providers-mutations.graphql.ts'
import '../providers/model-provider-tries.graphql.ts'
import '../providers/model-mutations.graphql.ts'
import '../streams/stream.graphql.ts'
import '../streams/streams-queries.graphql.ts'
import '../streams/streams-produce.graphql.ts'
import '../streams/streams-start.graphql.ts'
import '../tools/tools.graphql.ts'
import '../usage/usage.graphql.ts'
import '../usage/usages-queries.graphql.ts'
import '../usage/usage-totals.graphql.ts'
import '../usage/usage-sums.graphql.ts'
import '../budgets/budget.graphql.ts'
import '../budgets/budgets-queries.graphql.ts'
import '../budgets/budgets-mutations.graphql.ts'
import '../conversations/message.graphql.ts'
import '../conversations/conversation.graphql.ts'
import '../conversations/conversations-queries.graphql.ts'
import '../conversations/conversations-mutations.graphql.ts'
import '../conversations/messages-mutations.graphql.ts'
import '../facts/fact.graphql.ts'
import '../facts/facts-queries.graphql.ts'
import '../facts/facts-search.graphql.ts'
import '../facts/facts-embedding.graphql.ts'
import '../facts/facts-mutations.graphql.ts'
import '../facts/facts-create-many.graphql.ts'
import '../context/context.graphql.ts'
import '../search/chunk.graphql.ts'
import '../search/document.graphql.ts'
import '../search/collection.graphql.ts'
import '../search/collections-queries.graphql.ts'
import '../search/collections-mutations.graphql.ts'
import '../search/documents-mutations.graphql.ts'
import '../search/documents-add-many.graphql.ts'
import '../search/search.graphql.ts'
import '../search/collection-embedding.graphql.ts'
import '../search/search-more.graphql.ts'
import '../search/import.graphql.ts'
import '../search/imports.graphql.ts'
import '../streams/stream-ticket.graphql.ts'
import '../figures/analytics.graphql.ts'
import '../figures/task-analytics.graphql.ts'
import '../figures/usage-analytics.graphql.ts'
import '../figures/api-call-analytics.graphql.ts'
import '../figures/storage.graphql.ts'
import '../audit/audit-entry.graphql.ts'
import '../audit/audit-queries.graphql.ts'
import '../audit/audit-mutations.graphql.ts'
import { type GraphQLSchema, isInterfaceType, isObjectType } from 'graphql'
import { MAX_PAGE } from '../core/page.ts'
import { builder } from './builder.ts'
import { timeRootFields } from './request-figures.ts'

export function buildSchema(): GraphQLSchema {
  const schema = builder.toSchema()
  describePages(schema)
  timeRootFields(schema)
  return schema
}

/** What the Relay plugin makes says nothing of itself; the same words serve for every list. */
function describePages(schema: GraphQLSchema): void {
  const words: Record<string, string> = {
    edges: 'The rows of this page, each with its cursor.',
    nodes: 'The rows of this page.',
    node: 'The row.',
    pageInfo: 'Where this page lies, and whether there is more.',
    cursor: 'Its place in the list: `after` this the next page begins, `before` it the previous one ends.',
    first: `So many from the beginning, or after \`after\`; 1 to ${MAX_PAGE}, 50 by default.`,
    last: `So many from the end, or before \`before\`; 1 to ${MAX_PAGE}, instead of \`first\`.`,
    after: 'Only what comes after this cursor.',
    before: 'Only what comes before this cursor.',
    startCursor: 'The cursor of the first row; null where there is none.',
    endCursor: 'The cursor of the last row; null where there is none.',
    hasNextPage: 'Whether there is more after this page.',
    hasPreviousPage: 'Whether there is more before this page.',
    id: 'The global id.',
  }
  const types: Record<string, string> = { PageInfo: 'Where a page lies in its list.', Node: 'Anything that has a global id.' }
  for (const type of Object.values(schema.getTypeMap())) {
    type.description ??= types[type.name]
    if (!isObjectType(type) && !isInterfaceType(type)) continue
    for (const field of Object.values(type.getFields())) {
      if (/(Connection|Edge|PageInfo|Node)$/.test(type.name)) field.description ??= words[field.name]
      if (/Connection!?$/.test(String(field.type))) for (const arg of field.args) arg.description ??= words[arg.name]
    }
  }
}
