/** The messages of a conversation: the way to its head, by pages. */
import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { cursorColumns, decodeCursor, type PageArgs, planPage, toPage } from '../core/page.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Context } from '../graphql/context.ts'
import { siblings } from '../graphql/siblings.ts'
import { waySql } from './way.ts'

interface Row {
  id: string
  depth: number
}

/** One page of the way to `headId`. A place on the way is its depth, so that a page is found from its cursor alone, however long the way is. */
export async function readWay(ctx: Context, info: GraphQLResolveInfo, headId: string | null, isNewestFirst: boolean, args: PageArgs) {
  const plan = planPage(args, [{ column: 'depth', kind: 'integer', direction: isNewestFirst ? 'DESC' : 'ASC' }])
  const placeOf = (name: 'after' | 'before') => (args[name] ? Number(decodeCursor(args[name], plan.terms, name)[0]) : null)
  const [after, before] = [placeOf('after'), placeOf('before')]
  const headDepth = headId === null ? -1 : await depths(ctx).load(headId)
  const [above, below] = isNewestFirst ? [before, after] : [after, before]
  let lo = above === null ? 0 : above + 1
  let hi = below === null ? headDepth : Math.min(headDepth, below - 1)
  // Which end is read: one more than the page holds, to know whether there is more.
  if (isNewestFirst === plan.backwards) hi = Math.min(hi, lo + plan.limit)
  else lo = Math.max(lo, hi - plan.limit)
  const rows = headId !== null && lo <= hi ? await spans(ctx, info, plan).load(JSON.stringify([headId, lo, hi])) : []
  const ordered = isNewestFirst === plan.backwards ? rows : [...rows].reverse()
  return { ...toPage(ordered, plan, args), totalCount: async () => headDepth + 1 }
}

const depths = (ctx: Context) =>
  ctx.loader('Message.depth', () =>
    siblings<number>(async (ids) => {
      const rows = await ctx.app.store.database.rows<Row>(Prisma.sql`SELECT "id", "depth" FROM "Message" WHERE "id" IN (${Prisma.join([...ids])})`)
      const byId = new Map(rows.map(({ id, depth }) => [id, depth]))
      return ids.map((id) => byId.get(id) ?? -1)
    }),
  )

/** The messages of parts of ways, oldest first. Siblings that ask the same share one reading. */
const spans = (ctx: Context, info: GraphQLResolveInfo, plan: ReturnType<typeof planPage>) =>
  ctx.loader(`Conversation.messages:${info.fieldNodes[0]?.loc?.start}`, () => {
    const { database } = ctx.app.store
    const query = queryFromInfo({ context: ctx, info, typeName: 'Message', paths: [['edges', 'node'], ['nodes']], select: cursorColumns(plan) as never }) as {
      select?: object
    }
    return siblings<Row[]>(async (keys) => {
      const asked = keys.map((of) => {
        const [headId, lo, hi] = JSON.parse(of) as [string, number, number]
        return { of, headId, lo, hi }
      })
      const places = await database.rows<Row & { of: string }>(waySql(database.sql, asked))
      const found = (await ctx.db.message.findMany({ ...query, where: { id: { in: [...new Set(places.map(({ id }) => id))] } } } as never)) as Row[]
      const byId = new Map(found.map((row) => [row.id, row]))
      places.sort((a, b) => a.depth - b.depth)
      return asked.map(({ of }) => places.flatMap((place) => (place.of === of ? (byId.get(place.id) ?? []) : [])))
    })
  })
