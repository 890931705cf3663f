/** Those of many tasks that were refused. */
import { DomainError } from '../core/errors.ts'
import { builder } from '../graphql/builder.ts'
import { told, UserError } from '../graphql/user-errors.ts'

/** As it is remembered under an idempotency key. */
export interface ToldRefusal {
  index: number
  /** As it was sent. */
  id: string
  code: string
  message: string
  path: string[]
}

export const TaskRefusal = builder.objectRef<ToldRefusal>('TaskRefusal').implement({
  description: 'One of many that was refused; the others were not.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place in what was sent, from 0.' }),
    id: t.exposeID('id', { description: 'The task’s id, as it was sent.' }),
    userErrors: t.field({
      type: [UserError],
      description: 'Why; nothing was changed about this task.',
      resolve: ({ code, message, path }) => [told(new DomainError(code, message, path))],
    }),
  }),
})
