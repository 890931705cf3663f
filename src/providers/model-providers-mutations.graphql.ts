/** Setting providers up, changing and removing them. For ADMINs. */
import { z } from 'zod'
import { BadUserInput } from '../core/errors.ts'
import { newIdOf } from '../core/ids.ts'
import { clearable, given, id, idempotencyKey, name, optionalId, optionalWhole, whole } from '../core/input.ts'
import { namesRefusedAddress } from '../core/private-addresses.ts'
import type { Work } from '../events/work.ts'
import type { Context } from '../graphql/context.ts'
import { type InputBuilder, mutation } from '../graphql/mutation.ts'
import { ModelProviderKindEnum } from './model-provider.graphql.ts'
import {
  LOCAL_NAME,
  MAX_CONCURRENCY,
  MAX_KEY,
  MAX_PER_MINUTE,
  MAX_PRIORITY,
  MAX_PROVIDERS,
  MAX_SYNC_MINUTES,
  MAX_TIMEOUT_SECONDS,
  MAX_URL,
  PROVIDER_NAME,
} from './model-provider.ts'
import { modelProviderCreate } from './model-provider-create.ts'
import { modelProviderDelete } from './model-provider-delete.ts'
import { one, providerField, providerIdOf, WRITE } from './model-provider-payload.graphql.ts'
import { modelProviderUpdate } from './model-provider-update.ts'
import { MAX_MODEL_NAME } from './read-list.ts'

const NAME = 'What comes before the slash in `provider/model`: small letters, digits, `.`, `_` and `-`, at most 63; no two are the same, and none is `local`.'
const URL_WORDS = `Where it is, with its version (\`https://api.openai.com/v1\`), at most ${MAX_URL} characters. Private addresses only where the operator allows them (\`PROVIDER_PRIVATE_HOSTS\`).`
const KEY = 'Its API key; kept encrypted, and never shown again.'

const words = (t: InputBuilder) => ({
  baseUrl: t.string({ description: `${URL_WORDS} Left out, or null: where the kind is by default.` }),
  apiKey: t.string({ description: `${KEY} Null: none.` }),
  defaultModel: t.string({ description: `The model that answers where none is named, 1 to ${MAX_MODEL_NAME} characters.` }),
  priority: t.int({ description: `The default is the first that can answer: the highest first; 0 at first, from ${-MAX_PRIORITY} to ${MAX_PRIORITY}.` }),
  enabled: t.boolean({ description: 'Whether it is used; true at first.' }),
  maxConcurrency: t.int({ description: `Most calls at once from one server, 1 to ${MAX_CONCURRENCY}; others wait. Null: any number.` }),
  requestsPerMinute: t.int({ description: `Most calls a minute from one server, 1 to ${MAX_PER_MINUTE}. Null: any number.` }),
  timeoutSeconds: t.int({ description: `How long a call may take in all, 1 to ${MAX_TIMEOUT_SECONDS}. Null: any time.` }),
  syncEveryMinutes: t.int({ description: `How often its models are listed anew, 1 to ${MAX_SYNC_MINUTES}, the first time at once. Null: only by hand.` }),
})

const nameRule = z
  .string()
  .regex(PROVIDER_NAME, 'Must be small letters, digits, ".", "_" and "-", at most 63')
  .refine((value) => value !== LOCAL_NAME, 'Is the name of the model on this machine')
const urlRule = z
  .url({ protocol: /^https?$/, message: 'Must be an http or https URL' })
  .max(MAX_URL, `Must have at most ${MAX_URL} characters`)
  .refine((value) => !URL.canParse(value) || plainUrl(new URL(value)), 'Must hold no user name, password, query or fragment')
const plainUrl = ({ username, password, search, hash }: URL) => !username && !password && !search && !hash
const keyRule = z
  .string()
  .max(MAX_KEY, `Must have at most ${MAX_KEY} characters`)
  .regex(/^[\x21-\x7e]+$/, 'Must be one word of ASCII characters')

const rules = {
  defaultModel: clearable(name(MAX_MODEL_NAME)),
  baseUrl: clearable(urlRule),
  apiKey: clearable(keyRule),
  priority: optionalWhole(-MAX_PRIORITY, MAX_PRIORITY),
  enabled: given(z.boolean()),
  maxConcurrency: clearable(whole(1, MAX_CONCURRENCY)),
  requestsPerMinute: clearable(whole(1, MAX_PER_MINUTE)),
  timeoutSeconds: clearable(whole(1, MAX_TIMEOUT_SECONDS)),
  syncEveryMinutes: clearable(whole(1, MAX_SYNC_MINUTES)),
}

/** What is refused at each connection is better told at once, where it can be seen. */
function checkAddress(ctx: Context, baseUrl: string | null | undefined): void {
  if (baseUrl && namesRefusedAddress(ctx.app.providers.addressRules, new URL(baseUrl)))
    throw new BadUserInput('Is a private address, which the operator has not allowed (PROVIDER_PRIVATE_HOSTS).', ['input', 'baseUrl'])
}

const withoutNulls = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as { [K in keyof T]: Exclude<T[K], null> }

mutation('modelProviderCreate', {
  description: `Sets a model provider up. Every server uses it from now on. There are at most ${MAX_PROVIDERS}.`,
  rights: WRITE,
  inputDescription: 'What it is called, where it is, and what it may be used for.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `ModelProvider:<UUIDv7>`, so that sending this again is harmless.' }),
    name: t.string({ required: true, description: NAME }),
    kind: t.field({ type: ModelProviderKindEnum, required: true, description: 'The protocol it speaks; not LOCAL.' }),
    ...words(t),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same provider, for a day at least; at most 200 characters.' }),
  }),
  validate: z.object({
    ...rules,
    id: optionalId,
    name: nameRule,
    kind: z.enum(['OPENAI_COMPATIBLE', 'ANTHROPIC', 'OLLAMA'], 'The local model is set up by the environment'),
    idempotencyKey,
  }),
  payload: providerField,
  run: async (input, ctx) => {
    checkAddress(ctx, input.baseUrl)
    const { idempotencyKey: _key, ...words } = withoutNulls(input)
    const creation = { ...words, id: input.id === undefined ? undefined : newIdOf('ModelProvider', input.id) }
    return ctx.once({ mutation: 'modelProviderCreate', key: input.idempotencyKey, id: input.id, input: sealedInput(ctx, input) }, async (work) => ({
      modelProviderId: await modelProviderCreate(work, ctx.app.secrets, creation),
    }))
  },
})

/** What is remembered of an input is a hash, and of the key in it not even that, but one that takes this installation's secret to make. */
const sealedInput = <T extends { apiKey?: string | null | undefined }>(ctx: Context, input: T) => ({
  ...input,
  ...(input.apiKey && { apiKey: ctx.app.secrets.mac('provider-key', input.apiKey) }),
})

interface OneInput {
  id: string
  idempotencyKey?: string | undefined
  apiKey?: string | null | undefined
}

const onProvider = (ctx: Context, mutationName: string, input: OneInput, run: (work: Work, id: string) => Promise<void>) =>
  ctx.once({ mutation: mutationName, key: input.idempotencyKey, input: sealedInput(ctx, input) }, async (work) => {
    const modelProviderId = providerIdOf(input)
    await run(work, modelProviderId)
    return { modelProviderId }
  })

mutation('modelProviderUpdate', {
  description:
    'Changes how a provider is set up. What is left out stays. With another address its key must be given again. Of one that the environment sets up only `enabled`, `priority`, limits and `syncEveryMinutes` can be changed.',
  rights: WRITE,
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The provider’s id.' }),
    name: t.string({ description: NAME }),
    ...words(t),
    idempotencyKey: t.string({ description: 'The same key with the same input changes it once; at most 200 characters.' }),
  }),
  validate: z.object({ ...rules, id, name: given(nameRule), idempotencyKey }),
  payload: providerField,
  run: async (input, ctx) => {
    checkAddress(ctx, input.baseUrl)
    const { id: _id, idempotencyKey: _key, ...update } = input
    return onProvider(ctx, 'modelProviderUpdate', input, (work, providerId) => modelProviderUpdate(work, ctx.app.secrets, providerId, update))
  },
})

mutation('modelProviderDelete', {
  description:
    'Removes a provider with its key, its models and their prices. What it was used for stays in the usage. One that the environment sets up is removed there.',
  rights: WRITE,
  inputDescription: 'Which provider.',
  input: (t) => ({ ...one(t), idempotencyKey: t.string({ description: 'The same key with the same input has one effect; at most 200 characters.' }) }),
  validate: z.object({ id, idempotencyKey }),
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: (payload) => (payload.made ? `ModelProvider:${(payload.made as { modelProviderId: string }).modelProviderId}` : null),
    }),
  }),
  run: (input, ctx) => {
    const isSetHere = (called: string) => ctx.app.providers.environment.some((own) => own.name === called && own.unavailableBecause === null)
    return onProvider(ctx, 'modelProviderDelete', input, (work, providerId) => modelProviderDelete(work, providerId, isSetHere))
  },
})
