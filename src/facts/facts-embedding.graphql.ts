/** The vectors of one's facts: how they stand, and how they come to be. */
import { z } from 'zod'
import { actorId } from '../core/actor.ts'
import { idempotencyKey, optionalName } from '../core/input.ts'
import { builder, rights } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { aboutModel, EmbeddingRef } from '../search/collection-embedding.graphql.ts'
import { vectorsStanding } from '../vectors/vectors-standing.ts'
import { factSpace } from './fact-index.ts'
import { factsEmbed } from './facts-embed.ts'

const standing = (ctx: Context) => vectorsStanding(ctx.reading, factSpace(actorId(ctx.actor) ?? ''))

builder.queryField('factsEmbedding', (t) =>
  t.field({
    type: EmbeddingRef,
    nullable: true,
    description: 'The vectors by which your own facts are found by meaning; null where `factsEmbed` never made any.',
    ...rights('FACTS_READ'),
    resolve: (_root, _args, ctx) => standing(ctx),
  }),
)

mutation('factsEmbed', {
  description:
    'Lets a model make vectors of all your facts, and of those that come, so that they are found by meaning too. A task of the type `vectors.build` does it. With another model than before the new ones are made aside: those that are there answer until the new ones are whole.',
  rights: 'FACTS_WRITE',
  inputDescription: 'By which model.',
  input: (t) => ({
    model: t.string({
      description:
        'As `provider/model`, at most 200 characters; left out: as this server is set up (EMBEDDING_MODEL), else `local/all-minilm-l6-v2`, a small one for English on its own machine.',
    }),
    idempotencyKey: t.string({ description: 'The same key with the same input has one effect, for a day at least; at most 200 characters.' }),
  }),
  validate: z.object({ model: optionalName(200), idempotencyKey }),
  payload: (t) => ({
    embedding: t.field({
      type: EmbeddingRef,
      nullable: true,
      description: 'How the vectors stand; null where nothing was changed.',
      resolve: ({ made }, _args, ctx) => (made ? standing(ctx) : null),
    }),
  }),
  run: async (input, ctx) => {
    const ownerId = actorId(ctx.actor) ?? ''
    const { model } = await ctx.app.embedders.find(input.model ?? null, { ownerId, task: null }).catch((error) => {
      throw aboutModel(error)
    })
    return ctx.once({ mutation: 'factsEmbed', key: input.idempotencyKey, input }, async (work): Promise<{ model: string }> => {
      await factsEmbed(work, model)
      return { model }
    })
  },
})
