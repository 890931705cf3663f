/** What happens to facts, as it is told. */
import { ownedBy } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { toGlobalId } from '../core/ids.ts'
import { actorField, eventCursorOf } from '../events/events.graphql.ts'
import type { LoggedEvent } from '../events/log.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { FactRef } from './fact.graphql.ts'

/** Kinds as the API names them: those of the log without `FACT_`. */
const FactEventKind = builder.enumType('FactEventKind', {
  description: 'What happened to a fact.',
  values: {
    SNAPSHOT: { description: 'Nothing: this is how it stands as you begin to follow.' },
    CREATED: { description: 'It was written down.' },
    UPDATED: { description: 'It was changed.' },
    DELETED: { description: 'It was removed.' },
  } as const,
})

export const FactEvent = builder.objectRef<LoggedEvent>('FactEvent').implement({
  description: 'A change of a fact. It is told even where the fact is gone since.',
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place in the log: go on from here with `after`.',
      resolve: (event, _args, ctx) => eventCursorOf(ctx, event),
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it was committed, by the database’s clock.', resolve: (event) => toDate(event.occurredAtMs) }),
    kind: t.field({ type: FactEventKind, description: 'What happened.', resolve: (event) => event.kind.replace(/^FACT_/, '') as 'SNAPSHOT' }),
    factId: t.id({ description: 'The fact’s id.', resolve: (event) => toGlobalId('Fact', event.subjectId) }),
    fact: t.prismaField({
      type: FactRef,
      nullable: true,
      description: 'The fact as it is now, which may be further on than this event; null once it is deleted.',
      resolve: (query, event, _args, ctx) => ctx.db.fact.findUnique({ ...query, where: { id: event.subjectId, ...ownedBy(ctx.actor) } }),
    }),
    actor: actorField(t as never),
    data: t.field({
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      description: 'The values after the change; under `before` those that were other before it. Times are milliseconds since 1970.',
      resolve: (event) => event.data,
    }),
  }),
})
