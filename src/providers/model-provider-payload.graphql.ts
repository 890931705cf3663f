/** What the mutations on model providers share. */
import { idOf } from '../core/ids.ts'
import type { Context } from '../graphql/context.ts'
import type { InputBuilder } from '../graphql/mutation.ts'
import { ModelProviderRef } from './model-provider.graphql.ts'

export const WRITE = 'ADMIN+PROVIDERS_WRITE'

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
export const providerField = (t: any) => ({
  modelProvider: t.prismaField({
    type: ModelProviderRef,
    nullable: true,
    description: 'The provider as it is now; null where nothing was changed.',
    resolve: (query: object, payload: { made: { modelProviderId: string } | null }, _args: unknown, ctx: Context) =>
      payload.made ? ctx.db.modelProvider.findUnique({ ...query, where: { id: payload.made.modelProviderId } }) : null,
  }),
})

/** The inner id; one of another type is as good as none. */
export const providerIdOf = (input: { id: string }): string => idOf('ModelProvider', input.id, ['input', 'id']) ?? ''

export const one = (t: InputBuilder) => ({ id: t.id({ required: true, description: 'The provider’s id.' }) })
