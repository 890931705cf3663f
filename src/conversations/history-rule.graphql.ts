import { builder } from '../graphql/builder.ts'
import type { HISTORY_RULES } from './conversation.ts'

export const HistoryRuleEnum = builder.enumType('HistoryRule', {
  description: 'What becomes of the turns of a conversation that the model has no room for.',
  values: {
    DROP: { description: 'The oldest are left out.' },
    SUMMARISE: {
      description:
        'The model sums them up before it answers, by a call of its own that costs what it costs; the next answers go on with that summary. Where that fails they are left out.',
    },
  } satisfies Record<(typeof HISTORY_RULES)[number], object>,
})
