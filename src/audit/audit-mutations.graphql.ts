/** Removing personal data. */
import { z } from 'zod'
import { idOf } from '../core/ids.ts'
import { given, idempotencyKey, optionalId, text } from '../core/input.ts'
import { mutation } from '../graphql/mutation.ts'
import { personalDataRemove } from './audit-personal-data-remove.ts'

mutation('auditPersonalDataRemove', {
  description:
    'Removes from the trail what tells of a person: addresses, clients, and the email addresses of failed logins. The entries stay, and the chain still holds. It cannot be undone; what is written afterwards is kept anew.',
  rights: 'AUDIT_WRITE',
  inputDescription: 'Whose: one of these, or none for your own.',
  input: (t) => ({
    userId: t.id({ description: 'Of this user, with failed logins by the user’s email address. Another one than yourself: for ADMINs.' }),
    email: t.string({ description: 'Of failed logins by this email address; for ADMINs.' }),
    address: t.string({ description: 'Of whatever came from this address; for ADMINs.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input has one effect; at most 200 characters.' }),
  }),
  validate: z.object({
    userId: optionalId,
    email: given(text(1, 254).transform((email) => email.toLowerCase())),
    address: given(text(1, 100)),
    idempotencyKey,
  }),
  payload: (t) => ({
    removedCount: t.int({
      nullable: true,
      description: 'From how many places, clients and addresses it came; entries of a day share one. Null where it was refused.',
      resolve: (payload) => (payload.made as unknown as { removed: number } | null)?.removed ?? null,
    }),
  }),
  run: ({ idempotencyKey: key, ...input }, ctx) =>
    ctx.once({ mutation: 'auditPersonalDataRemove', key, input }, async (work) => ({
      removed: await personalDataRemove(work, {
        ...input,
        userId: input.userId === undefined ? undefined : idOf('User', input.userId, ['input', 'userId']),
      }),
    })),
})
