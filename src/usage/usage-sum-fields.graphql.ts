/** The fields of whatever adds up calls. */
import type { SchemaTypes } from '../graphql/builder.ts'
import type { SumColumn, Sums } from './usage-sum.ts'

type FieldBuilder = PothosSchemaTypes.ObjectFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, Sums>

const WORDS: Record<Exclude<SumColumn, 'costMicroUsd'>, string> = {
  calls: 'How many calls have ended.',
  failedCalls: 'How many of them did not end well: failed, cancelled, interrupted, or stopped by a budget.',
  unpricedCalls: 'Of how many of them nobody knows the price: they are in no sum of money.',
  inputTokens: 'Tokens that they were given.',
  cachedInputTokens: 'Of the input tokens, those that the provider had kept.',
  outputTokens: 'Tokens that they answered.',
  reasoningTokens: 'Of the output tokens, those of reasoning.',
  durationMs: 'How long they took, all together, in milliseconds.',
}

export const SUM_FIELDS = (t: FieldBuilder) => ({
  ...(Object.fromEntries(
    Object.entries(WORDS).map(([column, description]) => [column, t.field({ type: 'SafeInt', description, resolve: (sums) => sums[column as SumColumn] })]),
  ) as Record<keyof typeof WORDS, ReturnType<FieldBuilder['field']>>),
  costMicroUsd: t.field({
    type: 'SafeInt',
    nullable: true,
    description: 'What those of known price cost, in 10^-6 USD; null where there are calls and nobody knows the price of any.',
    resolve: (sums) => (sums.calls > 0 && sums.unpricedCalls === sums.calls ? null : sums.costMicroUsd),
  }),
})
