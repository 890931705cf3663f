/** Finding facts by what they say. */
import { actorId } from '../core/actor.ts'
import { BadUserInput } from '../core/errors.ts'
import { filterCheck } from '../core/filter.ts'
import { MAX_PAGE } from '../core/page.ts'
import { builder, rights } from '../graphql/builder.ts'
import { nodeOf } from '../graphql/node.ts'
import { SEARCH_COST } from '../graphql/scale.ts'
import { liveSetsOf } from '../search/meaning-search.ts'
import { SearchMatch, SearchMode, SnippetRef } from '../search/search.graphql.ts'
import { MAX_QUERY, textQueryParts } from '../search/text-query.ts'
import { FactRef } from './fact.graphql.ts'
import { FactFilter } from './fact-filter.graphql.ts'
import { factFilterFields } from './fact-filter.ts'
import { factSpace } from './fact-index.ts'
import { type FoundFact, factsFind } from './facts-find.ts'

const FIRST = 10

const FactHit = builder.objectRef<FoundFact>('FactHit').implement({
  description: 'A fact that was found.',
  fields: (t) => ({
    fact: t.field({
      type: FactRef,
      nullable: true,
      description: 'The fact; null where it was deleted in this moment.',
      resolve: async ({ id }, _args, ctx, info) => nodeOf(ctx, info, 'Fact', id),
    }),
    score: t.exposeFloat('score', { description: 'How well it fits: more is better. Scores compare within one answer.' }),
    snippet: t.field({ type: SnippetRef, description: 'Why it was found.', resolve: ({ snippet }) => snippet }),
  }),
})

builder.queryFields((t) => ({
  factSearch: t.field({
    type: [FactHit],
    description:
      'Your own facts (also for ADMINs only their own) that fit a query, best first: words, "a phrase", begin*, -without any of these. Tags count too, and words in all their forms, as of English.',
    ...rights('FACTS_READ', SEARCH_COST),
    args: {
      query: t.arg.string({ required: true, description: `What is sought, 1 to ${MAX_QUERY} characters.` }),
      mode: t.arg({
        type: SearchMode,
        defaultValue: 'TEXT',
        description: 'How they are sought; for VECTOR there must be vectors of your facts (`factsEmbed`).',
      }),
      match: t.arg({ type: SearchMatch, defaultValue: 'ALL', description: 'How many of the words must be there.' }),
      filter: t.arg({ type: FactFilter, description: 'Only among these facts.' }),
      first: t.arg.int({ defaultValue: FIRST, description: `So many at most, 1 to ${MAX_PAGE}.` }),
    },
    resolve: async (_root, { query, mode, match, filter, first }, ctx) => {
      const limit = first ?? FIRST
      if (limit < 1 || limit > MAX_PAGE) throw new BadUserInput(`first must be from 1 to ${MAX_PAGE}.`, ['first'])
      const parts = textQueryParts(query, ['query'])
      const ownerId = actorId(ctx.actor)!
      filterCheck(filter, factFilterFields(ctx.app.store.database.dialect, ownerId))
      if (mode === 'VECTOR' && !(await liveSetsOf(ctx.reading, [factSpace(ownerId)])).size)
        throw new BadUserInput('Your facts have no vectors yet: factsEmbed makes them. The mode HYBRID finds them by their words.', ['mode'])
      return factsFind(ctx.reading, ctx.app, { ownerId, parts, match: match ?? 'ALL', mode: mode ?? 'TEXT', filter, first: limit })
    },
  }),
}))
