/** Logging in, staying so, and logging out. */
import { z } from 'zod'
import { idOf } from '../core/ids.ts'
import { given, optionalId, text } from '../core/input.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { randomToken } from '../secrets.ts'
import { InvalidCredentials, InvalidRefreshToken } from './identity-errors.ts'
import { givenEmail, givenPassword } from './identity-inputs.ts'
import { passwordCheck } from './password-proof.ts'
import { AuthTokensRef, readSession } from './session.graphql.ts'
import { sessionCreate } from './session-create.ts'
import type { SessionOpening } from './session-open.ts'
import { sessionRefresh } from './session-refresh.ts'
import { sessionRevoke } from './session-revoke.ts'
import { sessionRevokeAll } from './session-revoke-all.ts'
import { type AuthTokens, authTokens, refreshTokenAfter, type SessionTimes } from './tokens.ts'
import { readUser } from './user.graphql.ts'

/** A session that was opened or renewed, with its tokens. */
export interface Opened {
  userId: string
  sessionId: string
  tokens: AuthTokens | null
}

export const newSession = (ctx: Context): Omit<SessionOpening, 'userId'> => ({
  refreshToken: randomToken(),
  refreshTokenDays: ctx.app.config.REFRESH_TOKEN_DAYS,
  userAgent: ctx.origin.userAgent,
  address: ctx.origin.address,
})

export const tokensFor = (ctx: Context, times: SessionTimes, refreshToken: string): Promise<AuthTokens> =>
  authTokens(ctx.app.secrets, ctx.app.config.ACCESS_TOKEN_MINUTES, times, refreshToken)

type PayloadBuilder = Parameters<Parameters<typeof mutation<never, never, Opened>>[1]['payload']>[0]

const openedFields = (t: PayloadBuilder) => ({
  session: t.prismaField({
    type: 'Session',
    nullable: true,
    description: 'The session; null with user errors.',
    resolve: (query, payload, _args, ctx) => readSession(ctx, query, payload.made?.sessionId),
  }),
  user: t.prismaField({
    type: 'User',
    nullable: true,
    description: 'Whose session it is; null with user errors.',
    resolve: (query, payload, _args, ctx) => readUser(ctx, query, payload.made?.userId),
  }),
  tokens: t.field({
    type: AuthTokensRef,
    nullable: true,
    description: 'What to use the session with; null with user errors.',
    resolve: (payload) => payload.made?.tokens ?? null,
  }),
})

mutation('sessionCreate', {
  description:
    'Logs in. After 5 wrong passwords within 15 minutes each further attempt has to wait, 1 s and then twice as long each time; that is RATE_LIMITED and changes nothing.',
  rights: 'PUBLIC',
  input: (t) => ({
    email: t.string({ required: true, description: 'The email address, in capitals or not.' }),
    password: t.string({ required: true, description: 'The password.' }),
  }),
  validate: z.object({ email: givenEmail, password: givenPassword }),
  loginOf: ({ email }) => email,
  run: async (input, ctx) => {
    await ctx.app.limits.consume('login', ctx.origin.address)
    const proof = await passwordCheck(ctx.reading, ctx.app, input)
    const opening = newSession(ctx)
    const { result, position } = await ctx.transact((work) => sessionCreate(work, proof, opening))
    if (!result) throw new InvalidCredentials()
    return { result: { ...result, tokens: await tokensFor(ctx, result, opening.refreshToken) }, position }
  },
  payload: openedFields,
})

mutation('sessionRefresh', {
  description:
    'Exchanges a refresh token for new tokens. Send it without an access token that has expired. The same token again within 10 s, before its successor is used, gives the same successor (the answer may have been lost); any later ends the session, for then two hold the token.',
  rights: 'PUBLIC',
  input: (t) => ({ refreshToken: t.string({ required: true, description: 'The last refresh token of the session.' }) }),
  validate: z.object({ refreshToken: text(1, 200) }),
  run: async ({ refreshToken }, ctx) => {
    await ctx.app.limits.consume('login', ctx.origin.address)
    const successor = refreshTokenAfter(ctx.app.secrets, refreshToken)
    const refreshTokenDays = ctx.app.config.REFRESH_TOKEN_DAYS
    const { result, position } = await ctx.transact((work) => sessionRefresh(work, { refreshToken, successor, refreshTokenDays }))
    if (!result) throw new InvalidRefreshToken()
    return { result: { ...result, tokens: await tokensFor(ctx, result, successor) }, position }
  },
  payload: openedFields,
})

mutation('sessionRevoke', {
  description: 'Ends a session at once, on every server: its tokens count no more and its sockets are closed. One that is over stays as it is.',
  rights: 'ACCOUNT_WRITE',
  input: (t) => ({ id: t.id({ description: 'The session, as `Session:…`. Left out: the current one (log out).' }) }),
  validate: z.object({ id: optionalId }),
  run: (input, ctx) => ctx.transact((work) => sessionRevoke(work, input.id === undefined ? undefined : idOf('Session', input.id, ['input', 'id']))),
  payload: (t) => ({
    session: t.prismaField({
      type: 'Session',
      nullable: true,
      description: 'The session; null with user errors.',
      resolve: (query, payload, _args, ctx) => readSession(ctx, query, payload.made),
    }),
  }),
})

mutation('sessionRevokeAll', {
  description: 'Ends all your own sessions at once.',
  rights: 'ACCOUNT_WRITE',
  input: (t) => ({ exceptCurrent: t.boolean({ defaultValue: false, description: 'Whether to keep the session this request comes from.' }) }),
  validate: z.object({ exceptCurrent: given(z.boolean()) }),
  run: (input, ctx) => ctx.transact((work) => sessionRevokeAll(work, input.exceptCurrent ?? false)),
  payload: (t) => ({
    revokedCount: t.int({ nullable: true, description: 'How many sessions were ended; null with user errors.', resolve: (payload) => payload.made }),
  }),
})
