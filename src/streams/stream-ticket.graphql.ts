/** Tickets for the plain doors. */
import { z } from 'zod'
import { requireKnown } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { NotFound } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import { id, idempotencyKey } from '../core/input.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { mutation } from '../graphql/mutation.ts'
import { streamSeen } from './stream-access.ts'
import { streamTicket, TICKET_SECONDS } from './stream-ticket.ts'

type Made = { streamId: string; expiresAtMs: number }

mutation('streamTicketCreate', {
  description: `Makes a ticket that opens \`GET /streams/<id>?ticket=…\` for ${TICKET_SECONDS} s, for what can send no header, as \`EventSource\`. It only reads this one stream; what was opened with it lasts as long as your session or key.`,
  rights: 'STREAMS_READ',
  inputDescription: 'Which stream.',
  input: (t) => ({
    streamId: t.id({ required: true, description: 'The stream’s id.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same ticket, also once it has expired; at most 200 characters.' }),
  }),
  validate: z.object({ streamId: id, idempotencyKey }),
  payload: (t) => ({
    ticket: t.string({
      nullable: true,
      description: 'Belongs into the URL of one request; null where it was refused.',
      resolve: ({ made }, _args: unknown, ctx) => {
        const ticket = made as Made | null
        return ticket && streamTicket(ctx.app.secrets, requireKnown(ctx.actor), ticket.streamId, ticket.expiresAtMs)
      },
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when it opens anything; null where it was refused.',
      resolve: ({ made }) => (made ? toDate((made as Made).expiresAtMs) : null),
    }),
  }),
  run: (input, ctx) =>
    ctx.once({ mutation: 'streamTicketCreate', key: input.idempotencyKey, input }, async (work): Promise<Made> => {
      const stream = await streamSeen(work, ctx.actor, idOf('Stream', input.streamId, ['input', 'streamId']))
      if (!stream) throw new NotFound('Stream', ['input', 'streamId'])
      const [now] = await work.rows<{ nowMs: number }>(Prisma.sql`SELECT ${work.sql.nowMs} AS "nowMs"`)
      return { streamId: stream.id, expiresAtMs: (Math.floor(Number(now!.nowMs) / 1000) + TICKET_SECONDS) * 1000 }
    }),
})
