/** Users that other things point to (owner, actor), read for a whole page at once. */
import { queryFromInfo } from '@pothos/plugin-prisma'
import DataLoader from 'dataloader'
import type { GraphQLResolveInfo } from 'graphql'
import type { User } from '../generated/sqlite/client.ts'
import type { Context } from '../graphql/context.ts'
import { visibleUsers } from './identity-access.ts'

/** The user with this id, if the actor may see them. `info` is that of a field of type User. */
export async function loadUsers(ctx: Context, info: GraphQLResolveInfo, userId: string | null): Promise<User | null> {
  if (userId === null) return null
  // The same place in the document is the same selection.
  const loader = ctx.loader(`User:${info.fieldNodes[0]?.loc?.start}`, () => {
    const query = queryFromInfo({ context: ctx, info, typeName: 'User', select: { id: true } })
    return new DataLoader<string, User | null>(async (ids) => {
      const users = (await ctx.db.user.findMany({ ...query, where: { AND: [{ id: { in: [...ids] } }, visibleUsers(ctx.actor)] } })) as User[]
      const byId = new Map(users.map((user) => [user.id, user]))
      return ids.map((id) => byId.get(id) ?? null)
    })
  })
  return loader.load(userId)
}
