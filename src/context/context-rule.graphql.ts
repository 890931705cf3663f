/** How a conversation says what goes along with its answers. */
import { z } from 'zod'
import { idOf, toGlobalId } from '../core/ids.ts'
import { given, name } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import { type ContextRule, MAX_BUDGET, MAX_COLLECTIONS, MAX_FACT_TAGS, MIN_BUDGET } from './context-rule.ts'

const FACTS = 'Whether facts of the conversation’s owner that have to do with what is asked go along.'
const FACT_TAGS = 'Only facts with one of these tags'
const COLLECTIONS = 'The ids of collections of the conversation’s owner: what in their documents has to do with what is asked goes along'
const BUDGET = 'They take at most so many tokens, and never more than half of what the model has room for'

export const ContextRuleInput = builder.inputType('ConversationContextInput', {
  description: 'What of what its owner has stored goes along with each answer of a conversation, as quoted material. `Message.contextUsed` tells what did.',
  fields: (t) => ({
    facts: t.boolean({ defaultValue: true, description: FACTS }),
    factTags: t.stringList({ description: `${FACT_TAGS}; at most ${MAX_FACT_TAGS}. Left out: all.` }),
    collections: t.idList({ description: `${COLLECTIONS}, at most ${MAX_COLLECTIONS}; left out: no documents.` }),
    budgetTokens: t.int({ description: `${BUDGET}; ${MIN_BUDGET} to ${MAX_BUDGET}. Left out: a quarter of it.` }),
  }),
})

const COLLECTION_ID = /^SearchCollection:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export const contextRules = z.object({
  facts: given(z.boolean()),
  factTags: given(z.array(name(100)).max(MAX_FACT_TAGS, `Must have at most ${MAX_FACT_TAGS} entries`)),
  collections: given(
    z
      .array(z.string().regex(COLLECTION_ID, 'Is not the id of a collection'))
      .max(MAX_COLLECTIONS, `Must have at most ${MAX_COLLECTIONS} entries`)
      .transform((ids) => ids.map((id) => idOf('SearchCollection', id)!)),
  ),
  budgetTokens: given(z.int().min(MIN_BUDGET, `Must be at least ${MIN_BUDGET}`).max(MAX_BUDGET, `Must be at most ${MAX_BUDGET}`)),
})

export const ContextRuleRef = builder.objectRef<ContextRule>('ConversationContext').implement({
  description: 'What of what its owner has stored goes along with each answer of a conversation.',
  fields: (t) => ({
    facts: t.boolean({ description: FACTS, resolve: ({ facts }) => facts ?? false }),
    factTags: t.stringList({ nullable: true, description: `${FACT_TAGS}; null: all.`, resolve: ({ factTags }) => factTags ?? null }),
    collections: t.idList({
      nullable: true,
      description: `${COLLECTIONS}; null: no documents.`,
      resolve: ({ collections }) => collections?.map((id) => toGlobalId('SearchCollection', id)) ?? null,
    }),
    budgetTokens: t.int({ nullable: true, description: `${BUDGET}; null: a quarter of it.`, resolve: ({ budgetTokens }) => budgetTokens ?? null }),
  }),
})
