/** What happens in conversations, as it is told. */
import { ownedBy } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { toGlobalId } from '../core/ids.ts'
import { actorField, eventCursorOf } from '../events/events.graphql.ts'
import type { LoggedEvent } from '../events/log.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { loadNodes } from '../graphql/node.ts'
import { MessageRef } from './message.graphql.ts'

/** Kinds as the API names them: those of the log without `CONVERSATION_`. */
const ConversationEventKind = builder.enumType('ConversationEventKind', {
  description: 'What happened in a conversation.',
  values: {
    SNAPSHOT: { description: 'Nothing: this is how it stands as you begin to follow.' },
    CREATED: { description: 'It was written down.' },
    UPDATED: { description: 'What it says of itself was changed; `data.fields` names what.' },
    ARCHIVED: { description: 'It was put away.' },
    UNARCHIVED: { description: 'It was taken out again.' },
    HEAD_MOVED: { description: 'Another way was chosen.' },
    DELETED: { description: 'It was removed.' },
    MESSAGE_ADDED: { description: 'Something was said, or an answer asked for: `message`. The conversation goes on from its last message.' },
    MESSAGE_STARTED: { description: 'An answer is being written: follow its `stream`.' },
    MESSAGE_RETRIED: { description: 'An attempt at an answer did not end well; it waits for another.' },
    MESSAGE_COMPLETED: { description: 'An answer is whole.' },
    MESSAGE_FAILED: { description: 'An answer failed.' },
    MESSAGE_CANCELLED: { description: 'An answer was stopped.' },
    MESSAGE_INTERRUPTED: { description: 'An answer was cut, and no attempt is left.' },
  } as const,
})

export const ConversationEvent = builder.objectRef<LoggedEvent>('ConversationEvent').implement({
  description: 'A change of a conversation, or of a message in it. It is told even where they are gone since.',
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place in the log: go on from here with `after`.',
      resolve: (event, _args, ctx) => eventCursorOf(ctx, event),
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it was committed, by the database’s clock.', resolve: (event) => toDate(event.occurredAtMs) }),
    kind: t.field({ type: ConversationEventKind, description: 'What happened.', resolve: (event) => event.kind.replace(/^CONVERSATION_/, '') as 'SNAPSHOT' }),
    conversationId: t.id({ description: 'The conversation’s id.', resolve: (event) => toGlobalId('Conversation', event.subjectId) }),
    conversation: t.prismaField({
      type: 'Conversation',
      nullable: true,
      description: 'The conversation as it is now, which may be further on than this event; null once it is deleted.',
      resolve: (query, event, _args, ctx) => ctx.db.conversation.findUnique({ ...query, where: { id: event.subjectId, ...ownedBy(ctx.actor) } }),
    }),
    message: t.field({
      type: MessageRef,
      nullable: true,
      description: 'The message that it is about, as it is now; null where it is about none, and once that is gone.',
      resolve: async (event, _args, ctx, info) => {
        const { messageId } = event.data
        return (typeof messageId === 'string' ? ((await loadNodes(ctx, info, [messageId], ['message']))[0] ?? null) : null) as never
      },
    }),
    actor: actorField(t as never),
    data: t.field({
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      description:
        'The values after the change, of the message where it is about one; under `before` those that were other before it. Times are milliseconds since 1970.',
      resolve: (event) => event.data,
    }),
  }),
})
