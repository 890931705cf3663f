/** Who may: budgets of one's own spending are everybody's to make; those that hold for others, or for everything, are an ADMIN's. */
import { conversationRequire } from '../conversations/conversation-require.ts'
import { type Actor, actorId, ownedBy, requireKnown, seesAll } from '../core/actor.ts'
import { BadUserInput, Forbidden, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { userRequire } from '../identity/user-require.ts'
import type { BudgetScope, Scoped } from './budget.ts'

/** The budgets that an actor may see, as a Prisma `where`: their own, and those that hold for them by name. */
export function budgetsSeenBy(actor: Actor): object {
  return seesAll(actor) ? {} : { OR: [ownedBy(actor), { userId: actorId(actor) ?? '' }] }
}

export interface AskedScope {
  scope: BudgetScope
  userId?: string | undefined
  taskType?: string | undefined
  conversationId?: string | undefined
}

const BELONGS: Record<BudgetScope, readonly (keyof AskedScope)[]> = {
  EVERYTHING: [],
  USER: ['userId'],
  TASK_TYPE: ['taskType', 'userId'],
  CONVERSATION: ['conversationId'],
}

/** What a new budget holds for. Whoever is no ADMIN means themselves where no user is named. */
export async function scopeFor(work: Work, asked: AskedScope): Promise<Scoped> {
  const { userId: self } = requireKnown(work.actor)
  const isAdmin = seesAll(work.actor)
  for (const field of ['userId', 'taskType', 'conversationId'] as const)
    if (asked[field] !== undefined && !BELONGS[asked.scope].includes(field))
      throw new BadUserInput(`A budget of the scope ${asked.scope} has none.`, ['input', field])
  if (asked.scope === 'EVERYTHING' && !isAdmin) throw new Forbidden('A budget for everything is for an ADMIN to make.')
  if (asked.scope === 'TASK_TYPE' && asked.taskType === undefined) throw new BadUserInput('Say which task type.', ['input', 'taskType'])
  if (asked.scope === 'CONVERSATION') return { ...NOTHING, scope: 'CONVERSATION', conversationId: await ownConversation(work, asked.conversationId) }
  const userId = asked.userId ?? (asked.scope === 'USER' || (asked.scope === 'TASK_TYPE' && !isAdmin) ? self : null)
  if (userId !== null && userId !== self) await otherUser(work, isAdmin, userId)
  return { ...NOTHING, scope: asked.scope, userId, taskType: asked.taskType ?? null }
}

const NOTHING = { userId: null, taskType: null, conversationId: null }

async function otherUser(work: Work, isAdmin: boolean, userId: string): Promise<void> {
  if (!isAdmin) throw new NotFound('User', ['input', 'userId'])
  await userRequire(work, userId, ['input', 'userId'])
}

async function ownConversation(work: Work, id: string | undefined): Promise<string> {
  if (id === undefined) throw new BadUserInput('Say which conversation.', ['input', 'conversationId'])
  await conversationRequire(work, id, ['input', 'conversationId'])
  return id
}

/** The budget as it is, if it is the actor's to change, and held to the end of the transaction. */
export const budgetMine = (work: Work, id: string): Prisma.Sql => {
  const { ownerId } = ownedBy(work.actor)
  return Prisma.sql`"Budget"."id" = ${id} ${ownerId === undefined ? Prisma.empty : Prisma.sql`AND "Budget"."ownerId" = ${ownerId}`}`
}
