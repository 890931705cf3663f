/** How every mutation is declared: one input, one payload with `userErrors` and `eventCursor`. */
import type { InputFieldMap, InputShapeFromFields } from '@pothos/core'
import type { GraphQLResolveInfo } from 'graphql'
import type { z } from 'zod'
import { BadUserInput, DomainError } from '../core/errors.ts'
import { faultsOf, faultWords } from '../core/fault-words.ts'
import { readHead, toCursor } from '../events/log.ts'
import type { Committed } from '../events/transact.ts'
import { builder, type Rights, rights, type SchemaTypes } from './builder.ts'
import type { Context } from './context.ts'
import { told, UserError } from './user-errors.ts'

/** What a payload is resolved from. */
export interface Payload<M> {
  /** What the mutation made; null where it was refused. */
  made: M | null
  userErrors: DomainError[]
  cursor: string | null
}

export type InputBuilder = PothosSchemaTypes.InputFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, 'InputObject'>
type PayloadBuilder<M> = PothosSchemaTypes.ObjectFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, Payload<M>>

interface MutationOptions<Fields extends InputFieldMap, Input, M> {
  description: string
  rights: Rights
  /** What the input holds, in a sentence. */
  inputDescription?: string
  input: (t: InputBuilder) => Fields
  /** Checks and completes the input; its issues become user errors with their path. */
  validate: z.ZodType<Input>
  payload: (t: PayloadBuilder<M>) => Record<string, unknown>
  /** A login: the address that the trail keeps where it fails. */
  loginOf?: (input: Input) => string
  run: (input: Input, ctx: Context) => Promise<Committed<M>>
}

/** Adds the mutation `name` with its types `<Name>Input` and `<Name>Payload`. */
export function mutation<Fields extends InputFieldMap, Input, M>(name: string, options: MutationOptions<Fields, Input, M>): void {
  const typeName = name[0]!.toUpperCase() + name.slice(1)
  const input = builder.inputType(`${typeName}Input`, {
    description: options.inputDescription ?? `What \`${name}\` is given.`,
    fields: (t) => options.input(t as never) as never,
  })
  const payload = builder.objectRef<Payload<M>>(`${typeName}Payload`).implement({
    description: `What \`${name}\` led to.`,
    fields: (t) =>
      ({
        ...options.payload(t as never),
        userErrors: t.field({
          type: [UserError],
          description: 'What the caller can mend. Empty when it worked; otherwise nothing was changed.',
          resolve: (p) => p.userErrors.map(told),
        }),
        eventCursor: t.field({
          type: 'Cursor',
          nullable: true,
          description: 'The place in the log right after this change: follow from here with `after` and miss nothing.',
          resolve: (p) => p.cursor,
        }),
      }) as never,
  })
  builder.mutationField(name, (t) =>
    t.field({
      type: payload,
      description: options.description,
      ...rights(options.rights),
      args: { input: t.arg({ type: input, required: true, description: options.inputDescription ?? 'What it is given.' }) },
      resolve: (_root: unknown, args: { input: InputShapeFromFields<Fields> }, ctx: Context, info: GraphQLResolveInfo) =>
        settle(ctx, options, args.input, info),
    } as never),
  )
}

async function settle<Fields extends InputFieldMap, Input, M>(
  ctx: Context,
  { run, validate, loginOf }: MutationOptions<Fields, Input, M>,
  given: InputShapeFromFields<Fields>,
  { fieldName, operation }: GraphQLResolveInfo,
): Promise<Payload<M>> {
  const { audit, store } = ctx.app
  const call = audit.call(ctx.origin, { kind: 'MUTATION', operation: fieldName, operationName: operation.name?.value, subject: (given as { id?: unknown }).id })
  const own = call ? ctx.through(call) : ctx
  const cursorAt = async (position: number | null) => {
    if (position !== null) return toCursor(store.logId, position)
    const head = await readHead(store.database)
    return toCursor(head.logId, head.position)
  }
  let input: Input | undefined
  try {
    input = parse(validate, given)
    const { result, position } = await run(input, own)
    audit.succeeded(own.actor, call)
    return { made: result, userErrors: [], cursor: await cursorAt(position) }
  } catch (error) {
    const userErrors = error instanceof InputFaults ? error.faults : error instanceof DomainError ? [...(error.faults ?? [error])] : null
    // Who is refused by right is told at the top level, as in a query.
    if (!userErrors || userErrors.some((fault) => fault.code === 'UNAUTHENTICATED' || fault.code === 'FORBIDDEN')) throw error
    audit.refused(own.actor, call, userErrors[0]!.code, (input !== undefined && loginOf?.(input)) || null)
    return { made: null, userErrors, cursor: await cursorAt(null) }
  }
}

class InputFaults extends Error {
  constructor(readonly faults: DomainError[]) {
    super('invalid input')
  }
}

function parse<Input>(schema: z.ZodType<Input>, value: unknown): Input {
  const result = schema.safeParse(value, { error: faultWords })
  if (result.success) return result.data
  throw new InputFaults(inputFaults(result.error))
}

/** What zod finds wrong with an input, as user errors. */
export const inputFaults = ({ issues }: z.ZodError): DomainError[] =>
  faultsOf(issues).map(({ message, path }) => new BadUserInput(`${message.replace(/\.$/, '')}.`, ['input', ...path]))
