import { contextRuleCheck } from '../context/context-collections.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { ConversationSettings } from './conversation.ts'
import { conversationHold, conversationSet } from './conversation-hold.ts'

/** Undefined leaves a value as it is; null clears it. Of the settings each by itself. */
export interface ConversationUpdate {
  title?: string | null | undefined
  agent?: string | null | undefined
  sessionKey?: string | null | undefined
  system?: string | null | undefined
  model?: string | null | undefined
  settings?: { [Name in keyof ConversationSettings]: ConversationSettings[Name] | null } | undefined
  metadata?: unknown
}

const TEXTS = ['title', 'agent', 'sessionKey', 'system', 'model'] as const

/** Changes what a conversation says of itself. Answers that are under way, or wait, are made as was said when they were asked for. */
export async function conversationUpdate(work: Work, id: string, update: ConversationUpdate): Promise<void> {
  const conversation = await conversationHold(work, id)
  await contextRuleCheck(work, conversation.ownerId, update.settings?.context, ['input'])
  const fields = Object.keys(update).filter((field) => update[field as keyof ConversationUpdate] !== undefined)
  if (!fields.length) return
  const set = TEXTS.flatMap((name) => (update[name] === undefined ? [] : [Prisma.sql`${Prisma.raw(`"${name}"`)} = CAST(${update[name]} AS TEXT)`]))
  if (update.settings) {
    const settings = Object.entries({ ...conversation.settings, ...update.settings }).filter(([, value]) => value !== null && value !== undefined)
    set.push(Prisma.sql`"settings" = ${work.sql.json(Object.fromEntries(settings))}`)
  }
  if (update.metadata !== undefined) set.push(Prisma.sql`"metadata" = ${update.metadata === null ? Prisma.sql`NULL` : work.sql.json(update.metadata)}`)
  await conversationSet(work, conversation, Prisma.join(set), 'UPDATED', { fields })
}
