/** Lists of entities: Relay connections by keyset, with filter and order. */

import type { OutputType } from '@pothos/core'
import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { BadUserInput } from '../core/errors.ts'
import { cursorColumns, type OrderTerm, type PageArgs, planPage, toPage } from '../core/page.ts'
import { builder, type SchemaTypes } from './builder.ts'

import type { Context } from './context.ts'

const MAX_ORDER_TERMS = 5

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>

export const OrderDirection = builder.enumType('OrderDirection', {
  description: 'Which way a list is ordered.',
  values: { ASC: { description: 'Smallest, or earliest, first.' }, DESC: { description: 'Largest, or latest, first.' } },
})

/** The connection and edge types of an entity, for all its lists: `t.connection({…}, ...pagesOf(TaskRef, 'Task', 'tasks'))`. */
export function pagesOf<Type extends OutputType<Types>>(type: Type, name: string, plural: string) {
  const edge = builder.edgeObject({ type, name: `${name}Edge`, description: `One of a page of ${plural}, with its place in the list.` } as never)
  const connection = builder.connectionObject({ type, name: `${name}Connection`, description: `A page of ${plural}.` } as never, edge as never)
  return [connection, edge] as never as []
}

interface Delegate<R> {
  findMany(args: object): Promise<R[]>
  count(args: object): Promise<number>
}

/** Reads one page of `typeName` with just the columns that were asked for. `where` holds the owner. */
export async function readPage<R extends { id: string }>(
  ctx: Context,
  info: GraphQLResolveInfo,
  options: { typeName: string; delegate: Delegate<R>; where: object; order: readonly OrderTerm[]; args: PageArgs },
) {
  const { delegate, where, args } = options
  const plan = planPage(args, options.order)
  const query = queryFromInfo({
    context: ctx,
    info,
    typeName: options.typeName,
    paths: [['edges', 'node'], ['nodes']],
    select: { ...cursorColumns(plan) } as never,
  })
  const rows = await delegate.findMany({ ...(query as object), where: { AND: [where, plan.where] }, orderBy: plan.orderBy, take: plan.take })
  return { ...toPage(rows, plan, args), totalCount: () => delegate.count({ where }) }
}

/** An order's input types: `<Name>Order { field direction }` over an enum of fields. */
export function orderInput<F extends Record<string, { column: string; kind: OrderTerm['kind']; description: string }>>(entity: string, fields: F) {
  const field = builder.enumType(`${entity}OrderField`, {
    description: `What ${entity} lists can be ordered by.`,
    values: Object.fromEntries(Object.entries(fields).map(([value, { description }]) => [value, { value, description }])) as {
      [K in keyof F & string]: { value: K; description: string }
    },
  })
  const ref = builder.inputType(`${entity}Order`, {
    description: `One term of the order of a list; the id is the tie-break.`,
    fields: (t) => ({
      field: t.field({ type: field, required: true, description: 'What to order by.' }),
      direction: t.field({ type: OrderDirection, required: true, defaultValue: 'ASC', description: 'Which way.' }),
    }),
  })
  const toTerms = (given: readonly { field: unknown; direction: 'ASC' | 'DESC' }[] | null | undefined, otherwise: OrderTerm[]): OrderTerm[] => {
    if (!given?.length) return otherwise
    if (given.length > MAX_ORDER_TERMS) throw new BadUserInput(`An order has at most ${MAX_ORDER_TERMS} terms.`, ['orderBy'])
    return given.map(({ field, direction }) => ({ column: fields[field as keyof F]!.column, kind: fields[field as keyof F]!.kind, direction }))
  }
  return { ref, toTerms }
}

/** Newest first, what a list is where no order is asked for. */
export const NEWEST_FIRST: OrderTerm[] = [{ column: 'createdAtMs', kind: 'bigint', direction: 'DESC' }]
