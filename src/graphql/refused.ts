/** A request that its transport does not carry. Over HTTP it has a status of its own, whatever the client accepts. */
import { GraphQLError } from 'graphql'

export class Refused extends GraphQLError {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message, { extensions: { code: 'BAD_USER_INPUT' } })
  }
}
