/** Gathering what a model may be given, and telling what one was given. */

import { MessageRef } from '../conversations/message.graphql.ts'
import { hasScope } from '../core/actor.ts'
import { BadUserInput, Forbidden } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import type { ApiScope } from '../core/scopes.ts'
import { builder, LONG_VALUE, rights, weighs } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { loadNodes } from '../graphql/node.ts'
import { SEARCH_COST } from '../graphql/scale.ts'
import { collectionIds } from '../search/search.graphql.ts'
import { type ContextGathered, contextFor } from './context-for.ts'
import { PIECE_KINDS, type Piece, type PieceKind } from './context-piece.ts'
import { MAX_BUDGET, MAX_COLLECTIONS, MAX_FACT_TAGS, MIN_BUDGET } from './context-rule.ts'

const DEFAULT_BUDGET = 2000
const MAX_QUERY = 20_000

const PieceKindEnum = builder.enumType('ContextPieceKind', {
  description: 'What a piece of context is.',
  values: {
    TURN: { description: 'A turn of the conversation.' },
    FACT: { description: 'A fact.' },
    DOCUMENT: { description: 'The part of a document that fits best.' },
  } satisfies Record<PieceKind, object>,
})

const ContextPiece = builder.objectRef<Piece>('ContextPiece').implement({
  description: 'Something that a model may be given beside what it is asked, with its source.',
  fields: (t) => ({
    kind: t.field({ type: PieceKindEnum, description: 'What it is.', resolve: ({ kind }) => kind }),
    label: t.exposeString('label', { description: 'Its name in the prompt, as `F1`: answers name their sources by it.' }),
    sourceId: t.id({ description: 'The global id of where it is from.', resolve: ({ sourceId }) => sourceId }),
    source: t.field({
      type: builder.nodeInterfaceRef() as never,
      nullable: true,
      description: 'Where it is from, as it is now; null once it is gone, or where you may not see it.',
      resolve: async ({ sourceId }, _args, ctx, info) => ((await loadNodes(ctx, info, [sourceId], ['source']))[0] ?? null) as never,
    }),
    title: t.exposeString('title', { nullable: true, description: 'A document’s title, a fact’s tags, or who spoke; null where there is none.' }),
    text: t.exposeString('text', { ...weighs(2), description: 'What it says, as it was then.' }),
    tokens: t.exposeInt('tokens', { description: 'What it takes, with its quoting.' }),
    score: t.exposeFloat('score', { nullable: true, description: 'How well it fits what is asked: more is better, among those of its kind. Null of turns.' }),
  }),
})

builder.prismaObjectField(MessageRef, 'contextUsed', (t) =>
  t.field({
    type: [ContextPiece],
    nullable: true,
    select: { contextUsed: true },
    description:
      'Of an answer that was begun: the pieces of what its owner had stored that the model was given for it, as they were then. Null where the conversation asked for none.',
    resolve: (message) => message.contextUsed as unknown as Piece[] | null,
  }),
)

const ContextForInput = builder.inputType('ContextForInput', {
  description: 'What the context shall be about, and how much of it there may be.',
  fields: (t) => ({
    conversationId: t.id({ description: 'A conversation of yours: its turns, and what has to do with what was said last by its user.' }),
    query: t.string({ description: `What it shall have to do with, at most ${MAX_QUERY} characters; left out: what the conversation’s user said last.` }),
    budgetTokens: t.int({
      defaultValue: DEFAULT_BUDGET,
      description: `All together take at most so many tokens, with their quoting; ${MIN_BUDGET} to ${MAX_BUDGET}. Turns have half of it and the rest the other half; what one leaves the others take.`,
    }),
    include: t.field({ type: [PieceKindEnum], description: 'Which kinds; left out: all that there can be, and that you may read.' }),
    factTags: t.stringList({ description: `Only facts with one of these tags; at most ${MAX_FACT_TAGS}. Left out: all.` }),
    collections: t.idList({
      description: `Only documents of these collections of yours; at most ${MAX_COLLECTIONS}. Left out: of all, or the ${MAX_COLLECTIONS} that were changed last.`,
    }),
  }),
})

const ContextRef = builder.objectRef<ContextGathered>('Context').implement({
  description: 'What a model may be given beside what it is asked.',
  fields: (t) => ({
    query: t.exposeString('query', { description: 'What it has to do with.' }),
    pieces: t.field({
      type: [ContextPiece],
      description: 'Turns as they were said, then the rest kind by kind, what fits best first.',
      resolve: ({ pieces }) => pieces,
    }),
    tokens: t.exposeInt('tokens', {
      description: 'What all take together, with what stands around them: as counted here, which models do a little otherwise.',
    }),
    omitted: t.exposeInt('omitted', { description: 'How many more were found that did not fit.' }),
    prompt: t.exposeString('prompt', {
      ...weighs(LONG_VALUE),
      description: 'All of it as a model may be given it: quoted line by line, with a word before it that it is no instructions. Empty where there is nothing.',
    }),
  }),
})

const SCOPES: Record<PieceKind, ApiScope> = { TURN: 'CONVERSATIONS_READ', FACT: 'FACTS_READ', DOCUMENT: 'SEARCH_READ' }

builder.queryField('contextFor', (t) =>
  t.field({
    type: ContextRef,
    nullable: true,
    description:
      'Gathers what fits a budget of tokens of what you have (also ADMINs only of their own): turns of a conversation, facts and documents, each with its source. Null where there is no such conversation of yours.',
    ...rights('USER', SEARCH_COST),
    args: { input: t.arg({ type: ContextForInput, required: true, description: 'What about, and how much.' }) },
    resolve: (_root, { input }, ctx) => {
      const budgetTokens = input.budgetTokens ?? DEFAULT_BUDGET
      if (budgetTokens < MIN_BUDGET || budgetTokens > MAX_BUDGET) throw refused(`Must be from ${MIN_BUDGET} to ${MAX_BUDGET}.`, 'budgetTokens')
      if ((input.query?.length ?? 0) > MAX_QUERY) throw refused(`Must have at most ${MAX_QUERY} characters.`, 'query')
      if ((input.factTags?.length ?? 0) > MAX_FACT_TAGS) throw refused(`Must have at most ${MAX_FACT_TAGS} entries.`, 'factTags')
      if ((input.collections?.length ?? 0) > MAX_COLLECTIONS) throw refused(`Must have at most ${MAX_COLLECTIONS} entries.`, 'collections')
      if (input.conversationId == null && !input.query?.trim()) throw refused('Give a query, or a conversation.', 'query')
      return contextFor(ctx.app, ctx.actor, {
        conversationId: input.conversationId == null ? undefined : (idOf('Conversation', input.conversationId, ['input', 'conversationId']) ?? ''),
        query: input.query ?? undefined,
        budgetTokens,
        include: included(ctx, input.include, input.conversationId != null),
        factTags: input.factTags ?? undefined,
        collectionIds: collectionIds(input.collections),
      })
    },
  }),
)

const refused = (message: string, field: string) => new BadUserInput(message, ['input', field])

function included(ctx: Context, include: readonly PieceKind[] | null | undefined, hasTurns: boolean): PieceKind[] {
  const may = PIECE_KINDS.filter((kind) => hasScope(ctx.actor, SCOPES[kind]))
  // That there is such a conversation is for who may read it.
  if (hasTurns && !may.includes('TURN')) throw new Forbidden(`This API key lacks the scope ${SCOPES.TURN}.`)
  if (!include) return may.filter((kind) => hasTurns || kind !== 'TURN')
  if (!hasTurns && include.includes('TURN')) throw refused('Without a conversation there are no turns.', 'include')
  const missing = include.find((kind) => !may.includes(kind))
  if (missing) throw new Forbidden(`This API key lacks the scope ${SCOPES[missing]}.`)
  return [...include]
}
