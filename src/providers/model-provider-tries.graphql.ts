/** Trying providers out, and listing their models. For ADMINs. */
import { z } from 'zod'
import { given, id, name } from '../core/input.ts'
import { mutation } from '../graphql/mutation.ts'
import { one, providerField, providerIdOf, WRITE } from './model-provider-payload.graphql.ts'
import { modelProviderSync, type Synced } from './model-provider-sync.ts'
import { modelProviderTest, type Tested } from './model-provider-test.ts'
import { MAX_MODEL_NAME } from './read-list.ts'

mutation('modelProviderTest', {
  description:
    'Tries a provider out, also one that is switched off: lists its models and, if asked, lets one say a word. What goes wrong there is the answer, not a user error.',
  rights: WRITE,
  inputDescription: 'Which provider, and how.',
  input: (t) => ({
    ...one(t),
    generate: t.boolean({
      defaultValue: false,
      description: 'Whether a model shall say a word, which may cost a little: it is metered as every call is, and held to the budgets.',
    }),
    model: t.string({ description: 'The model for that, without the provider’s name; left out: its default.' }),
  }),
  validate: z.object({ id, generate: given(z.boolean()), model: given(name(MAX_MODEL_NAME)) }),
  payload: (t) => {
    const made = (payload: { made: unknown }) => payload.made as Tested | null
    return {
      ...providerField(t),
      works: t.boolean({ description: 'Whether what was tried went well.', resolve: (p) => made(p)?.works ?? false }),
      listReachable: t.boolean({ description: 'Whether it listed its models.', resolve: (p) => made(p)?.listReachable ?? false }),
      modelCount: t.int({ nullable: true, description: 'How many it listed; null: it did not.', resolve: (p) => made(p)?.modelCount ?? null }),
      listMs: t.int({ nullable: true, description: 'How long the list took.', resolve: (p) => made(p)?.listMs ?? null }),
      model: t.string({ nullable: true, description: 'The model that was asked; null: none was.', resolve: (p) => made(p)?.model ?? null }),
      answer: t.string({ nullable: true, description: 'What the model said; null: it was not asked, or failed.', resolve: (p) => made(p)?.answer ?? null }),
      answerMs: t.int({ nullable: true, description: 'How long the answer took; null: none was asked for.', resolve: (p) => made(p)?.answerMs ?? null }),
      error: t.string({
        nullable: true,
        description: 'The provider’s own words about what went wrong, without secrets; null: nothing did.',
        resolve: (p) => made(p)?.error ?? null,
      }),
    }
  },
  run: (input, ctx) => modelProviderTest(ctx.app, ctx.actor, providerIdOf(input), { generate: input.generate ?? false, model: input.model }),
})

mutation('modelProviderSync', {
  description:
    'Lists a provider’s models anew: new ones are added, known ones brought up to date, and those that are gone marked as not listed. What goes wrong there is the answer, not a user error; the models then stay as they were known.',
  rights: WRITE,
  inputDescription: 'Which provider.',
  input: one,
  validate: z.object({ id }),
  payload: (t) => {
    const made = (payload: { made: unknown }) => payload.made as Synced | null
    return {
      ...providerField(t),
      listed: t.int({ nullable: true, description: 'How many models it lists; null: it did not answer.', resolve: (p) => made(p)?.listed ?? null }),
      added: t.int({ nullable: true, description: 'How many of them are new; null: it did not answer.', resolve: (p) => made(p)?.added ?? null }),
      changed: t.int({ nullable: true, description: 'How many are otherwise than known; null: it did not answer.', resolve: (p) => made(p)?.changed ?? null }),
      unlisted: t.int({ nullable: true, description: 'How many are gone; null: it did not answer.', resolve: (p) => made(p)?.unlisted ?? null }),
      error: t.string({
        nullable: true,
        description: 'Its own words about what went wrong, without secrets; null: nothing did.',
        resolve: (p) => made(p)?.error ?? null,
      }),
    }
  },
  run: (input, ctx) => modelProviderSync(ctx.app.store, ctx.app.providers, ctx.actor, providerIdOf(input)),
})
