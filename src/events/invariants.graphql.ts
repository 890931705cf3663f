/** What must never be, for those who run the system. */
import { BadUserInput } from '../core/errors.ts'
import { toGlobalId } from '../core/ids.ts'
import { builder, rights } from '../graphql/builder.ts'
import { type Checked, invariantsCheck, MOST_VIOLATIONS, type Violation } from './invariants.ts'
import './log-invariants.ts'

const InvariantViolation = builder.objectRef<Violation>('InvariantViolation').implement({
  description: 'Something that breaks an invariant.',
  fields: (t) => ({
    subjectType: t.exposeString('subjectType', { description: 'What kind of thing it is, as `Task`.' }),
    subjectId: t.id({ description: 'Its id.', resolve: ({ subjectType, subjectId }) => toGlobalId(subjectType, subjectId) }),
    detail: t.field({
      type: 'JSON',
      description: 'Its values that contradict each other. Times are milliseconds since 1970.',
      resolve: ({ detail }) => detail,
    }),
  }),
})

const Invariant = builder.objectRef<Checked>('Invariant').implement({
  description: 'Something that always holds, with whatever breaks it.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What is wrong where it is broken, as `TASK_LEASE_LAPSED`.' }),
    description: t.exposeString('description', { description: 'What holds, and how much is looked at.' }),
    count: t.exposeInt('count', { description: `How many break it; ${MOST_VIOLATIONS} stands for that many or more.` }),
    violations: t.field({
      type: [InvariantViolation],
      description: 'What breaks it.',
      args: { first: t.arg.int({ defaultValue: 100, description: `So many at most, 1 to ${MOST_VIOLATIONS}.` }) },
      resolve: ({ violations }, { first }) => {
        const limit = first ?? 100
        if (limit < 1 || limit > MOST_VIOLATIONS) throw new BadUserInput(`first must be from 1 to ${MOST_VIOLATIONS}.`, ['first'])
        return violations.slice(0, limit)
      },
    }),
  }),
})

/** It is for now and then. */
const COST = 1000

builder.queryField('systemInvariants', (t) =>
  t.field({
    type: [Invariant],
    description:
      'What must never be and is: empty as long as all is well. It may be asked of a system at work: whatever is allowed for a moment counts only when it lasts.',
    ...rights('ADMIN', COST),
    args: { all: t.arg.boolean({ defaultValue: false, description: 'Also the invariants that nothing breaks.' }) },
    resolve: async (_root, { all }, ctx) => (await invariantsCheck(ctx.app.store.database)).filter(({ count }) => all || count > 0),
  }),
)
