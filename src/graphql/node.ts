/** `node` and `nodes`: any entity by its id, for its owner. Rooms say how theirs are read. */
import { brandWithType } from '@pothos/core'
import { queryFromInfo } from '@pothos/plugin-prisma'
import type DataLoader from 'dataloader'
import type { GraphQLResolveInfo } from 'graphql'
import { hasScope } from '../core/actor.ts'
import { BadUserInput } from '../core/errors.ts'
import { fromGlobalId, toGlobalId } from '../core/ids.ts'
import { MAX_PAGE } from '../core/page.ts'
import type { ApiScope } from '../core/scopes.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { siblings } from './siblings.ts'

type Loader = (ctx: Context, ids: string[], query: object) => Promise<{ id: string }[]>

const loaders = new Map<string, { scope: ApiScope; load: Loader }>()

/** `load` reads those of the ids that the actor may see; `query` is the selection and must be spread into the call. */
export function nodeLoader(typeName: string, scope: ApiScope, load: Loader): void {
  loaders.set(typeName, { scope, load })
}

/** The entities in the order of their ids; null for what does not exist, is not the actor's, or is no entity. */
export async function loadNodes(ctx: Context, info: GraphQLResolveInfo, globalIds: readonly string[], path: string[]): Promise<(object | null)[]> {
  const parsed = globalIds.map((globalId) => fromGlobalId(globalId, path))
  const rows = await Promise.all(
    parsed.map(({ type, id }) => {
      const known = loaders.get(type)
      return known && hasScope(ctx.actor, known.scope) ? nodesOf(ctx, info, type, known.load).load(id) : null
    }),
  )
  return rows
}

/** The entity that a column names, of a type that is known; null as for `loadNodes`. */
export async function nodeOf(ctx: Context, info: GraphQLResolveInfo, typeName: string, id: string | null): Promise<never> {
  return (id ? ((await loadNodes(ctx, info, [toGlobalId(typeName, id)], ['id']))[0] ?? null) : null) as never
}

/** Reads the entities that siblings ask for at the same place in the document by one statement a type. */
function nodesOf(ctx: Context, info: GraphQLResolveInfo, typeName: string, load: Loader): DataLoader<string, object | null> {
  return ctx.loader(`node:${typeName}:${info.fieldNodes[0]?.loc?.start}`, () => {
    const query = queryFromInfo({ context: ctx, info, typeName, select: { id: true } as never })
    return siblings<object | null>(async (ids) => {
      const found = new Map((await load(ctx, [...ids], query as object)).map((row) => [row.id, row]))
      for (const row of found.values()) brandWithType(row, typeName as never)
      return ids.map((id) => found.get(id) ?? null)
    })
  })
}

builder.queryFields((t) => ({
  node: t.field({
    type: builder.nodeInterfaceRef() as never,
    nullable: true,
    description: 'Any entity by its id; null where there is none that you may see.',
    extensions: { rights: 'PUBLIC' },
    args: { id: t.arg.id({ required: true, description: 'The id, as `Task:…`.' }) },
    resolve: async (_root, { id }, ctx, info) => ((await loadNodes(ctx, info, [id], ['id']))[0] ?? null) as never,
  }),
  nodes: t.field({
    type: [builder.nodeInterfaceRef()] as never,
    nullable: { list: false, items: true } as never,
    description: 'Entities by their ids, in the same order; null in the place of each that you may not see.',
    extensions: { rights: 'PUBLIC' },
    args: { ids: t.arg.idList({ required: true, description: `The ids, at most ${MAX_PAGE}.` }) },
    resolve: async (_root, { ids }, ctx, info) => {
      if (ids.length > MAX_PAGE) throw new BadUserInput(`At most ${MAX_PAGE} ids at once.`, ['ids'])
      return (await loadNodes(ctx, info, ids, ['ids'])) as never
    },
  }),
}))
