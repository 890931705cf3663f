/** How a conversation says what goes along with its answers. */
import { z } from 'zod'
import { given, name } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import { type ContextRule, MAX_BUDGET, MAX_FACT_TAGS, MIN_BUDGET } from './context-rule.ts'

const FACTS = 'Whether facts of the conversation’s owner that have to do with what is asked go along.'
const FACT_TAGS = 'Only facts with one of these tags'
const BUDGET = 'They take at most so many tokens, and never more than half of what the model has room for'

export const ContextRuleInput = builder.inputType('ConversationContextInput', {
  description: 'What of what its owner has stored goes along with each answer of a conversation, as quoted material. `Message.contextUsed` tells what did.',
  fields: (t) => ({
    facts: t.boolean({ defaultValue: true, description: FACTS }),
    factTags: t.stringList({ description: `${FACT_TAGS}; at most ${MAX_FACT_TAGS}. Left out: all.` }),
    budgetTokens: t.int({ description: `${BUDGET}; ${MIN_BUDGET} to ${MAX_BUDGET}. Left out: a quarter of it.` }),
  }),
})

export const contextRules = z.object({
  facts: given(z.boolean()),
  factTags: given(z.array(name(100)).max(MAX_FACT_TAGS, `Must have at most ${MAX_FACT_TAGS} entries`)),
  budgetTokens: given(z.int().min(MIN_BUDGET, `Must be at least ${MIN_BUDGET}`).max(MAX_BUDGET, `Must be at most ${MAX_BUDGET}`)),
})

export const ContextRuleRef = builder.objectRef<ContextRule>('ConversationContext').implement({
  description: 'What of what its owner has stored goes along with each answer of a conversation.',
  fields: (t) => ({
    facts: t.boolean({ description: FACTS, resolve: ({ facts }) => facts ?? false }),
    factTags: t.stringList({ nullable: true, description: `${FACT_TAGS}; null: all.`, resolve: ({ factTags }) => factTags ?? null }),
    budgetTokens: t.int({ nullable: true, description: `${BUDGET}; null: a quarter of it.`, resolve: ({ budgetTokens }) => budgetTokens ?? null }),
  }),
})
