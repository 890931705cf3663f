/** The type Fact, and what other types show of facts. */

import { MessageRef } from '../conversations/message.graphql.ts'
import { ownedBy } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { NEWEST_FIRST, pagesOf } from '../graphql/connection.ts'
import { nodeLoader, nodeOf } from '../graphql/node.ts'
import { type Related, readRelated } from '../graphql/related.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import './fact-invariants.ts'

/** Most are short. */
export const TEXT_WEIGHT = 10

export const FactRef = builder.prismaNode('Fact', {
  description: 'Something that is known: a short text, with tags, and with what it was learnt from.',
  id: { field: 'id', description: 'The global id, `Fact:<uuid>`.' },
  select: { id: true, ownerId: true },
  fields: (t) => ({
    text: t.exposeString('text', { ...weighs(TEXT_WEIGHT), description: 'What is known.' }),
    tags: t.field({
      type: ['String'],
      select: { tags: { select: { tag: true }, orderBy: { tag: 'asc' } } },
      description: 'Its tags, each once, in the order of their letters.',
      resolve: (fact) => fact.tags.map(({ tag }) => tag),
    }),
    metadata: t.field({
      ...weighs(LONG_VALUE / 5),
      type: 'JSON',
      nullable: true,
      select: { metadata: true },
      description: 'What its owner keeps with it.',
      resolve: (fact) => fact.metadata,
    }),
    task: t.relation('task', {
      nullable: true,
      authScopes: { scope: 'TASKS_READ' },
      description: 'The task that it comes from; null where it comes from none, and once that is deleted.',
    }),
    message: t.field({
      type: MessageRef,
      nullable: true,
      select: { messageId: true },
      authScopes: { scope: 'CONVERSATIONS_READ' },
      description: 'The message that it comes from; null where it comes from none, and once that is deleted.',
      resolve: async (fact, _args, ctx, info) => nodeOf(ctx, info, 'Message', fact.messageId),
    }),
    owner: t.relation('owner', { description: 'Whose it is.' }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was written down.',
      resolve: (fact) => toDate(fact.createdAtMs),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When it was last changed.',
      resolve: (fact) => toDate(fact.updatedAtMs),
    }),
  }),
})

export const FactPages = pagesOf(FactRef, 'Fact', 'facts')

const related = (parent: 'taskId' | 'messageId') =>
  ({
    typeName: 'Fact',
    table: 'Fact',
    parent,
    order: NEWEST_FIRST,
    delegate: (ctx) => ctx.db.fact as never,
  }) satisfies Omit<Related<{ id: string }>, 'args'>

builder.prismaObjectField(TaskRef, 'facts', (t) =>
  t.connection(
    {
      type: FactRef,
      authScopes: { scope: 'FACTS_READ' },
      description: 'What was learnt from it, newest first.',
      resolve: (task, args, ctx, info) => readRelated(ctx, info, task.id, { ...related('taskId'), args }) as never,
    },
    ...FactPages,
  ),
)

builder.prismaObjectField(MessageRef, 'facts', (t) =>
  t.connection(
    {
      type: FactRef,
      authScopes: { scope: 'FACTS_READ' },
      description: 'What was learnt from it, newest first.',
      resolve: (message, args, ctx, info) => readRelated(ctx, info, message.id, { ...related('messageId'), args }) as never,
    },
    ...FactPages,
  ),
)

nodeLoader('Fact', 'FACTS_READ', (ctx, ids, query) => ctx.db.fact.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }))
