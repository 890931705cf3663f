/** Registering, and changing users. */
import { z } from 'zod'
import { requireKnown, seesAll } from '../core/actor.ts'
import { IdempotencyMismatch } from '../core/errors.ts'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, jsonObject, optionalId, optionalName } from '../core/input.ts'
import type { Committed } from '../events/transact.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { digest } from '../secrets.ts'
import { InvalidCredentials } from './identity-errors.ts'
import { givenPassword, newEmail, newPassword } from './identity-inputs.ts'
import { passwordCheck, passwordSettle } from './password-proof.ts'
import { AuthTokensRef } from './session.graphql.ts'
import { newSession, type Opened, tokensFor } from './session-mutations.graphql.ts'
import { readUser, UserRole } from './user.graphql.ts'
import { userDisable } from './user-disable.ts'
import { userPasswordChange } from './user-password-change.ts'
import { registrationCheck, userRegister } from './user-register.ts'
import { userSetRole } from './user-set-role.ts'
import { userUpdate } from './user-update.ts'

const NAME_MAX = 100

type PayloadBuilder = Parameters<Parameters<typeof mutation<never, never, string>>[1]['payload']>[0]

const userField = (t: PayloadBuilder) => ({
  user: t.prismaField({
    type: 'User',
    nullable: true,
    description: 'The user; null with user errors.',
    resolve: (query, payload, _args, ctx) => readUser(ctx, query, payload.made),
  }),
})

mutation('userRegister', {
  description: 'Makes a user and logs them in. The first user of an empty installation is its ADMIN.',
  rights: 'PUBLIC',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, as `User:<UUIDv7>`, so that trying again makes no second one.' }),
    email: t.string({ required: true, description: 'The address to log in with; at most 254 characters. Kept in lower case.' }),
    password: t.string({
      required: true,
      description: '8 to 128 characters, taken exactly as given (nothing is trimmed), and none of the most common passwords.',
    }),
    displayName: t.string({ description: 'How the user wants to be called; at most 100 characters. Left out: what stands before the @.' }),
    idempotencyKey: t.string({
      description: 'The same key with the same input, password included, answers the same user, without tokens. At most 200 characters.',
    }),
  }),
  validate: z.object({ id: optionalId, email: newEmail, password: newPassword, displayName: optionalName(NAME_MAX), idempotencyKey }),
  run: (input, ctx) => register(input, ctx),
  payload: (t) => ({
    user: t.prismaField({
      type: 'User',
      nullable: true,
      description: 'The user; null with user errors.',
      resolve: (query, payload, _args, ctx) => readUser(ctx, query, payload.made?.userId),
    }),
    tokens: t.field({
      type: AuthTokensRef,
      nullable: true,
      description: 'What to use the new session with; null with user errors, and where an idempotency key is used again: log in.',
      resolve: (payload) => payload.made?.tokens ?? null,
    }),
  }),
})

interface RegisterInput {
  id?: string | undefined
  email: string
  password: string
  displayName?: string | undefined
  idempotencyKey?: string | undefined
}

async function register(input: RegisterInput, ctx: Context): Promise<Committed<Opened>> {
  const { id: givenId, email, password, displayName = email.split('@')[0]!.slice(0, NAME_MAX), idempotencyKey: key } = input
  const { app } = ctx
  const registration = app.config.REGISTRATION
  const userId = givenId === undefined ? undefined : newIdOf('User', givenId)
  if (!seesAll(ctx.actor)) await app.limits.consume('registration', ctx.origin.address)
  // A replay is answered as it was, also where registration has been closed by it: that of the first user.
  if (key === undefined) await registrationCheck(ctx.reading, registration)
  const passwordHash = await app.passwords.hash(password)
  const session = newSession(ctx)
  // Strangers have no owner whose keys these are, so a key stands together with the email: nobody meets another's by chance.
  // The password is no part of what is remembered, for a quick hash of it must not lie about; it is proven on replay instead.
  const once = { mutation: 'userRegister', key: key && digest(`${email}\u0000${key}`), input: { userId, email, displayName } }
  const { result, position, replayed } = await ctx.once(once, (work) =>
    userRegister(work, { id: userId, email, displayName, passwordHash, registration, session }),
  )
  if (!replayed) return { result: { ...result, tokens: await tokensFor(ctx, result, session.refreshToken) }, position }
  const proof = await passwordCheck(ctx.reading, app, { email, password })
  const proven = await ctx.transact((work) => passwordSettle(work, proof))
  if (proven.result !== result.userId) throw new IdempotencyMismatch()
  return { result: { ...result, tokens: null }, position }
}

mutation('userUpdate', {
  description: 'Changes your own profile; an ADMIN may change anyone’s. What is left out stays.',
  rights: 'ACCOUNT_WRITE',
  input: (t) => ({
    id: t.id({ description: 'Whose, as `User:…`. Left out: your own.' }),
    displayName: t.string({ description: 'How the user wants to be called; at most 100 characters.' }),
    preferences: t.field({ type: 'JSON', description: 'An object of at most 16 KB, kept instead of the one before.' }),
  }),
  validate: z
    .object({ id: optionalId, displayName: optionalName(NAME_MAX), preferences: given(jsonObject(16_384)) })
    .refine((input) => input.displayName !== undefined || input.preferences !== undefined, 'Give displayName or preferences'),
  run: ({ id: givenId, displayName, preferences }, ctx) =>
    ctx.transact((work) => userUpdate(work, userIdOf(givenId), { displayName, preferences: preferences as Record<string, unknown> | undefined })),
  payload: userField,
})

/** The inner id; where it is of another type one that no user has. */
const userIdOf = (globalId: string | undefined): string | undefined => (globalId === undefined ? undefined : (idOf('User', globalId, ['input', 'id']) ?? ''))

mutation('userPasswordChange', {
  description: 'Sets a new password and ends all your other sessions. Wrong current passwords are counted and slowed down as failed logins are.',
  rights: 'ACCOUNT_WRITE',
  input: (t) => ({
    currentPassword: t.string({ required: true, description: 'The password as it is.' }),
    newPassword: t.string({ required: true, description: 'The password as it shall be: 8 to 128 characters, and none of the most common ones.' }),
  }),
  validate: z.object({ currentPassword: givenPassword, newPassword }),
  run: async ({ currentPassword, newPassword: password }, ctx) => {
    // Whoever knows the password could else have it hashed without end, and nobody would get to log in.
    await ctx.app.limits.consume('login', ctx.origin.address)
    const { email } = await ctx.db.user.findUniqueOrThrow({ where: { id: requireKnown(ctx.actor).userId }, select: { email: true } })
    const proof = await passwordCheck(ctx.reading, ctx.app, { email, password: currentPassword })
    const passwordHash = proof.proven ? await ctx.app.passwords.hash(password) : ''
    const { result, position } = await ctx.transact((work) => userPasswordChange(work, proof, passwordHash))
    if (result === null) throw new InvalidCredentials('The current password is wrong.', ['input', 'currentPassword'])
    return { result, position }
  },
  payload: userField,
})

mutation('userSetRole', {
  description: 'Makes a user an ADMIN, or a plain user again; for ADMINs. The last ADMIN stays one. The user’s sockets are closed.',
  rights: 'ADMIN+ACCOUNT_WRITE',
  input: (t) => ({
    id: t.id({ required: true, description: 'The user, as `User:…`.' }),
    role: t.field({ type: UserRole, required: true, description: 'What the user may do from now on.' }),
  }),
  validate: z.object({ id, role: z.enum(['USER', 'ADMIN']) }),
  run: (input, ctx) => ctx.transact((work) => userSetRole(work, idOf('User', input.id, ['input', 'id']), input.role)),
  payload: userField,
})

mutation('userDisable', {
  description: 'Shuts a user out at once, or lets them in again; for ADMINs. Sessions end for good, API keys work again afterwards. Not the last ADMIN.',
  rights: 'ADMIN+ACCOUNT_WRITE',
  input: (t) => ({
    id: t.id({ required: true, description: 'The user, as `User:…`.' }),
    disabled: t.boolean({ defaultValue: true, description: 'True: shut out. False: let in again.' }),
  }),
  validate: z.object({ id, disabled: given(z.boolean()) }),
  run: (input, ctx) => ctx.transact((work) => userDisable(work, idOf('User', input.id, ['input', 'id']), input.disabled ?? true)),
  payload: userField,
})
