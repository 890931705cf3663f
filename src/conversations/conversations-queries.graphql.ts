/** Reading, searching and following conversations. */
import { ownedBy } from '../core/actor.ts'
import { BadUserInput } from '../core/errors.ts'
import { filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import type { LiveEvent } from '../events/events.graphql.ts'
import { builder, LONG_VALUE, rights, weighs } from '../graphql/builder.ts'
import { NEWEST_FIRST, orderInput, readPage } from '../graphql/connection.ts'
import { DateTimeFilter, filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { type Followed, followOne } from '../graphql/follow-entity.ts'
import { SEARCH_COST } from '../graphql/scale.ts'
import { ConversationPages, ConversationRef } from './conversation.graphql.ts'
import { CONVERSATION_VALUES, toConversationValues } from './conversation.ts'
import { ConversationEvent } from './conversation-event.graphql.ts'
import { type ConversationExport, conversationExport, MAX_EXPORTED } from './conversation-export.ts'
import { CONVERSATION_FILTER_FIELDS } from './conversation-filter.ts'
import { MessagePages, MessageRef } from './message.graphql.ts'
import { MAX_QUERY, searchWhere, wordsOf } from './messages-search.ts'

const ConversationFilter = filterInput('ConversationFilter', 'Which conversations.', {
  id: { type: IdFilter, description: 'The id.' },
  ownerId: { type: IdFilter, description: 'The owner’s id (of use to ADMINs).' },
  title: { type: StringFilter, description: 'The title.' },
  agent: { type: StringFilter, description: 'The agent that answers in it.' },
  sessionKey: { type: StringFilter, description: 'What joins conversations and tasks of an agent.' },
  model: { type: StringFilter, description: 'The model that answers, as written.' },
  taskId: { type: IdFilter, description: 'The task that it arose from.' },
  forkedFromId: { type: IdFilter, description: 'The conversation that it began in.' },
  archivedAt: { type: DateTimeFilter, description: 'When it was put away; `isNull: true`: those that are not.' },
  createdAt: { type: DateTimeFilter, description: 'When it was made.' },
  updatedAt: { type: DateTimeFilter, description: 'When something was last said in it, or it was changed.' },
})

const ConversationOrder = orderInput('Conversation', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was made.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When something was last said in it, or it was changed.' },
})

const ExportFormat = builder.enumType('ConversationExportFormat', {
  description: 'How a conversation is written out.',
  values: { JSON: { description: 'For programs.' }, MARKDOWN: { description: 'For people.' } } as const,
})

const ExportRef = builder.objectRef<ConversationExport>('ConversationExport').implement({
  description: 'A conversation, written out.',
  fields: (t) => ({
    content: t.exposeString('content', { ...weighs(10 * LONG_VALUE), description: 'The whole text.' }),
    contentType: t.exposeString('contentType', { description: '`application/json` or `text/markdown`.' }),
    messages: t.exposeInt('messages', { description: 'How many messages are in it.' }),
    isComplete: t.exposeBoolean('isComplete', { description: 'Whether it begins with the first message; the oldest are left out where there are too many.' }),
  }),
})

builder.queryFields((t) => ({
  conversation: t.prismaField({
    type: ConversationRef,
    nullable: true,
    description: 'A conversation by its id; null where there is none that you may see.',
    ...rights('CONVERSATIONS_READ'),
    args: { id: t.arg.id({ required: true, description: 'The conversation’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('Conversation', args.id, ['id'])
      return id ? ctx.db.conversation.findUnique({ ...query, where: { id, ...ownedBy(ctx.actor) } }) : null
    },
  }),
  conversations: t.connection(
    {
      type: ConversationRef,
      description: 'Your conversations, for ADMINs everybody’s; newest first unless ordered otherwise.',
      ...rights('CONVERSATIONS_READ'),
      args: {
        filter: t.arg({ type: ConversationFilter, description: 'Which conversations.' }),
        orderBy: t.arg({ type: [ConversationOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'Conversation',
          delegate: ctx.db.conversation as never,
          where: { AND: [filterWhere(args.filter, CONVERSATION_FILTER_FIELDS), ownedBy(ctx.actor)] },
          order: ConversationOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...ConversationPages,
  ),
  messagesSearch: t.connection(
    {
      type: MessageRef,
      description: 'Your own messages (also for ADMINs only their own) in whose text all the words stand, in whatever case; newest first.',
      ...rights('CONVERSATIONS_READ', SEARCH_COST),
      args: {
        query: t.arg.string({ required: true, description: `The words, 1 to ${MAX_QUERY} characters; beyond the tenth they are passed over.` }),
        conversationId: t.arg.id({ description: 'Only what was said in this conversation.' }),
      },
      resolve: (_root, args, ctx, info) => {
        const { query, conversationId } = args
        if (query.length > MAX_QUERY || !wordsOf(query).length) throw new BadUserInput(`Give words of 1 to ${MAX_QUERY} characters in all.`, ['query'])
        const search = { query, ...(conversationId != null && { conversationId: idOf('Conversation', conversationId, ['conversationId']) ?? '' }) }
        const { dialect } = ctx.app.store.database
        return readPage(ctx, info, {
          typeName: 'Message',
          delegate: ctx.db.message as never,
          where: searchWhere(dialect, ctx.actor, search),
          order: NEWEST_FIRST,
          args,
        }) as never
      },
    },
    ...MessagePages,
  ),
  conversationExport: t.field({
    type: ExportRef,
    nullable: true,
    description: `A conversation written out, with who said what and when, and which tools were called; at most the last ${MAX_EXPORTED} messages and some 8 MB. Null where there is none that you may see.`,
    ...rights('CONVERSATIONS_READ'),
    args: {
      id: t.arg.id({ required: true, description: 'The conversation’s id.' }),
      format: t.arg({ type: ExportFormat, required: true, defaultValue: 'JSON', description: 'How it is written out.' }),
    },
    resolve: (_root, args, ctx) => {
      const id = idOf('Conversation', args.id, ['id'])
      return id ? conversationExport(ctx.reading, id, args.format) : null
    },
  }),
}))

const FOLLOWED: Followed = { typeName: 'Conversation', kind: 'CONVERSATION', values: CONVERSATION_VALUES, toValues: toConversationValues }

builder.subscriptionFields((t) => ({
  conversationUpdated: t.field({
    type: ConversationEvent,
    description:
      'One conversation: how it stands (SNAPSHOT) unless `after` is given, then every change of it and of its messages, none missing, none twice, until it is DELETED. The words of an answer come by `streamChunks`.',
    ...rights('CONVERSATIONS_READ'),
    args: {
      id: t.arg.id({ required: true, description: 'The conversation’s id.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this place, without a snapshot.' }),
    },
    subscribe: (_root, args, ctx) => followOne(ctx, FOLLOWED, args),
    resolve: (event) => event as LiveEvent,
  }),
}))
