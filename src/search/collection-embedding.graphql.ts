/** The vectors of a collection: how they stand, and how they come to be. */
import { z } from 'zod'
import { DomainError } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import { idempotencyKey, id as idRule, optionalName } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { nodeOf } from '../graphql/node.ts'
import { siblings } from '../graphql/siblings.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import '../vectors/vector-invariants.ts'
import { type VectorsStanding, vectorsStandings } from '../vectors/vectors-standing.ts'
import './collection.graphql.ts'
import { spaceOf } from './collection.ts'
import { collectionEmbed } from './collection-embed.ts'
import { collectionKeep } from './collection-hold.ts'
import { collectionField, KEY } from './collections-mutations.graphql.ts'

const EmbeddingStatus = builder.enumType('SearchEmbeddingStatus', {
  description: 'How the vectors of a collection stand.',
  values: {
    BUILDING: { description: 'The first ones are being made; until they are whole it cannot be searched by meaning.' },
    LIVE: { description: 'It can be searched by meaning.' },
  } as const,
})

/** What the fields are about: what answers, else what is being made. */
const shown = ({ live, building }: VectorsStanding) => (live ?? building)!
/** What is worked on, else what answers. */
const current = ({ live, building }: VectorsStanding) => (building ?? live)!

export const EmbeddingRef = builder.objectRef<VectorsStanding>('SearchEmbedding').implement({
  description: 'The vectors by which a collection is searched by meaning: which model made them, and what is still to be done.',
  fields: (t) => ({
    model: t.string({
      description: 'The model that made those that answer, or that makes the first ones, as `provider/model`.',
      resolve: (of) => shown(of).model,
    }),
    status: t.field({ type: EmbeddingStatus, description: 'Whether they answer.', resolve: ({ live }) => (live ? 'LIVE' : 'BUILDING') }),
    dimensions: t.int({ nullable: true, description: 'How many numbers each has; null before the first is there.', resolve: (of) => shown(of).dimensions }),
    nextModel: t.string({
      nullable: true,
      description: 'The model whose vectors are made aside, to take the place of those that answer; null where none are.',
      resolve: ({ live, building }) => (live && building ? building.model : null),
    }),
    vectors: t.int({ description: 'How many there are; of `nextModel`, where that is set.', resolve: (of) => current(of).items }),
    pending: t.exposeInt('pending', {
      description: 'How many chunks are still to be embedded; for `nextModel`, where that is set. What was removed is gone at once.',
    }),
    progress: t.exposeFloat('progress', { description: 'How much is embedded, from 0 to 1; for `nextModel`, where that is set.' }),
    error: t.string({
      nullable: true,
      description: 'Why the last task failed that made them; `searchCollectionEmbed` with the same model takes it up again.',
      resolve: (of) => current(of).error,
    }),
    task: t.field({
      type: TaskRef,
      nullable: true,
      description: 'The task that works on them; null while there is nothing to be done.',
      resolve: (of, _args, ctx, info) => nodeOf(ctx, info, 'Task', current(of).taskId),
    }),
  }),
})

builder.prismaObjectField('SearchCollection', 'embedding', (t) =>
  t.field({
    type: EmbeddingRef,
    nullable: true,
    description: 'Its vectors, by which it is searched by meaning; null where `searchCollectionEmbed` never made any.',
    resolve: ({ id }, _args, ctx) =>
      ctx
        .loader('SearchCollection.embedding', () =>
          siblings<VectorsStanding | null>(async (ids) => {
            const standings = await vectorsStandings(ctx.reading, ids.map(spaceOf))
            return ids.map((each) => standings.get(spaceOf(each)) ?? null) as never
          }),
        )
        .load(id),
  }),
)

mutation('searchCollectionEmbed', {
  description:
    'Lets a model make vectors of all that is in a collection, and of what will be, so that it can be searched by meaning. A task of the type `vectors.build` does it. With another model than before the new ones are made aside: those that are there answer until the new ones are whole. With the same model it goes on where it was.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'Which collection, and by which model.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The collection’s id.' }),
    model: t.string({
      description:
        'As `provider/model`, at most 200 characters; left out: as this server is set up (EMBEDDING_MODEL), else `local/all-minilm-l6-v2`, a small one for English on its own machine.',
    }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id: idRule, model: optionalName(200), idempotencyKey }),
  payload: collectionField,
  run: async (input, ctx) => {
    const collectionId = idOf('SearchCollection', input.id, ['input', 'id']) ?? ''
    // What is not theirs is not there, whatever the model.
    const { ownerId } = await collectionKeep(ctx.reading, collectionId, ['input', 'id'])
    const { model } = await ctx.app.embedders.find(input.model ?? null, { ownerId, task: null }).catch((error) => {
      throw aboutModel(error)
    })
    return ctx.once({ mutation: 'searchCollectionEmbed', key: input.idempotencyKey, input }, async (work): Promise<{ collectionId: string }> => {
      await collectionEmbed(work, collectionId, model)
      return { collectionId }
    })
  },
})

/** Errors about models name the field by itself. */
export const aboutModel = (error: unknown): unknown =>
  error instanceof DomainError && error.inputPath?.[0] === 'model' ? new DomainError(error.code, error.message, ['input', 'model']) : error
