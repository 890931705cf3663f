/** What a user can mend, as data: the `userErrors` of every payload. */
import { type DomainError, errorCodes, RateLimited } from '../core/errors.ts'
import { builder } from './builder.ts'

/** Made when the schema is, so that the codes of all rooms are known. */
const errorCodeEnum = () =>
  builder.enumType('ErrorCode', {
    description: 'What is wrong, for a program.',
    values: Object.fromEntries([...errorCodes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, description]) => [code, { value: code, description }])),
  })

export const UserError = builder.interfaceRef<DomainError>('UserError').implement({
  description: 'Something the caller can mend. The mutation has changed nothing.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What is wrong, for a person to read.' }),
    code: t.field({ type: errorCodeEnum(), description: 'What is wrong, for a program.', resolve: (error) => error.code }),
    path: t.stringList({
      nullable: { list: true, items: false },
      description: 'The input field it is about, as `["input","email"]`.',
      resolve: (error) => error.inputPath,
    }),
  }),
  resolveType: (error) => (error as Told).typeName ?? 'GeneralError',
})

const kinds = new Map<new (...args: never[]) => DomainError, string>()

type Told = DomainError & { typeName?: string }

/** The error as data. GraphQL takes an `Error` that a resolver answers for a failure of the resolver, also in a list. */
export function told(error: DomainError): DomainError {
  const typeName = [...kinds].find(([kind]) => error instanceof kind)?.[1]
  // The message is the one property of an Error that is not copied.
  return { ...error, message: error.message, typeName } as Told
}

/** Gives an error that carries more a GraphQL type of its own. */
export function userErrorType<E extends DomainError>(kind: new (...args: never[]) => E, name: string) {
  kinds.set(kind, name)
  return builder.objectRef<E>(name)
}

builder
  .objectRef<DomainError>('GeneralError')
  .implement({ description: 'A user error that is told in full by its code, path and message.', interfaces: [UserError as never] })

userErrorType(RateLimited, 'RateLimitedError').implement({
  description: 'Too many attempts.',
  interfaces: [UserError as never],
  fields: (t) => ({ retryAfterMs: t.exposeInt('retryAfterMs', { description: 'How long to wait before the next attempt, in milliseconds.' }) }),
})
