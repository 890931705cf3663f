/** What inputs about conversations and answers have in common. */
import { z } from 'zod'
import { ContextRuleInput, contextRules } from '../context/context-rule.graphql.ts'
import { idOf } from '../core/ids.ts'
import { given, jsonObject, name, optionalName, optionalNumber, optionalText, optionalWhole, text } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import { MAX_LINE, WHEN_BUSY } from './answer-ask.ts'
import { HISTORY_RULES, MAX_AGENT, MAX_FALLBACKS, MAX_METADATA_BYTES, MAX_SESSION_KEY, MAX_SYSTEM, MAX_TITLE, MAX_TOOLS } from './conversation.ts'
import { HistoryRuleEnum } from './history-rule.graphql.ts'

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each mutation
type Fields = any

const TEMPERATURE = 'From 0 (steady) to 2 (wild).'
const MOST_TOKENS = 'An answer ends after so many tokens; 1 to 100,000.'
const TOOLS = `Names of tools that the model may call; at most ${MAX_TOOLS}.`

const ConversationSettingsInput = builder.inputType('ConversationSettingsInput', {
  description: 'How answers are made where a send does not say otherwise.',
  fields: (t) => ({
    temperature: t.float({ description: TEMPERATURE }),
    maxOutputTokens: t.int({ description: MOST_TOKENS }),
    tools: t.stringList({ description: TOOLS }),
    fallbackModels: t.stringList({ description: `Models to ask, in this order, where the first cannot answer; at most ${MAX_FALLBACKS}.` }),
    memory: t.boolean({
      description:
        'Whether the last turns of earlier conversations with the same agent and session key go along, so that the agent remembers across tasks. Both must be set.',
    }),
    history: t.field({ type: HistoryRuleEnum, description: 'What becomes of the turns that the model has no room for; left out: DROP.' }),
    context: t.field({ type: ContextRuleInput, description: 'What of what its owner has stored goes along with each answer; left out: nothing.' }),
  }),
})

const list = (most: number, length: number) => z.array(name(length)).max(most, `Must have at most ${most}`)

const settings = {
  temperature: z.number().min(0, 'Must be at least 0').max(2, 'Must be at most 2'),
  maxOutputTokens: z.int().min(1, 'Must be at least 1').max(100_000, 'Must be at most 100000'),
  tools: list(MAX_TOOLS, 100),
  fallbackModels: list(MAX_FALLBACKS, 200),
  memory: z.boolean(),
  history: z.enum(HISTORY_RULES),
  context: contextRules,
}

export const settingsRules = given(
  z.object({
    temperature: given(settings.temperature),
    maxOutputTokens: given(settings.maxOutputTokens),
    tools: given(settings.tools),
    fallbackModels: given(settings.fallbackModels),
    memory: given(settings.memory),
    history: given(settings.history),
    context: given(settings.context),
  }),
)

/** Null clears. */
export const settingsChangeRules = given(
  z.object({
    temperature: settings.temperature.nullish(),
    maxOutputTokens: settings.maxOutputTokens.nullish(),
    tools: settings.tools.nullish(),
    fallbackModels: settings.fallbackModels.nullish(),
    memory: settings.memory.nullish(),
    history: settings.history.nullish(),
    context: settings.context.nullish(),
  }),
)

/** What a conversation says of itself. */
export const conversationFields = (t: Fields) => ({
  title: t.string({ description: `What it is about, for people; at most ${MAX_TITLE} characters.` }),
  agent: t.string({ description: `The agent that answers in it; at most ${MAX_AGENT} characters.` }),
  sessionKey: t.string({ description: `What joins several conversations and tasks of an agent; at most ${MAX_SESSION_KEY} characters.` }),
  system: t.string({ description: `Instructions that go before all else; at most ${MAX_SYSTEM} characters.` }),
  model: t.string({ description: 'The model that answers, as `provider/model`; left out: the default of this server.' }),
  settings: t.field({ type: ConversationSettingsInput, description: 'How answers are made where a send does not say otherwise.' }),
  metadata: t.field({ type: 'JSON', description: `What you keep with it: an object of at most ${MAX_METADATA_BYTES} bytes.` }),
})

export const conversationRules = {
  title: optionalName(MAX_TITLE),
  agent: optionalName(MAX_AGENT),
  sessionKey: optionalName(MAX_SESSION_KEY),
  system: optionalText(MAX_SYSTEM),
  model: optionalName(200),
  settings: settingsRules,
  metadata: jsonObject(MAX_METADATA_BYTES),
}

/** Undefined leaves, null clears. */
export const conversationChangeRules = {
  title: name(MAX_TITLE).nullish(),
  agent: name(MAX_AGENT).nullish(),
  sessionKey: name(MAX_SESSION_KEY).nullish(),
  system: text(0, MAX_SYSTEM).nullish(),
  model: name(200).nullish(),
  settings: settingsChangeRules,
  metadata: jsonObject(MAX_METADATA_BYTES),
}

export const NewConversationInput = builder.inputType('NewConversationInput', {
  description: 'A conversation that is made with its first message.',
  fields: (t) => ({
    id: t.id({ description: 'An id of your own making, `Conversation:<UUIDv7>`.' }),
    ...conversationFields(t),
  }),
})

const WhenBusyEnum = builder.enumType('WhenBusy', {
  description: 'What shall be done while an answer of the conversation is still being written.',
  values: {
    QUEUE: { description: `The new turn stands behind it, and is answered after it. At most ${MAX_LINE} may wait.` },
    REFUSE: { description: 'Nothing: the user error CONVERSATION_BUSY.' },
    INTERRUPT: { description: 'It is cancelled, and with it all that wait; what came of it is kept. The new turn stands behind it.' },
  } satisfies Record<(typeof WHEN_BUSY)[number], object>,
})

/** How an answer shall be made. */
export const answerFields = (t: Fields) => ({
  agent: t.string({ description: `The agent that answers, where that is not the conversation’s; at most ${MAX_AGENT} characters.` }),
  model: t.string({ description: 'As `provider/model`, where that is not the conversation’s.' }),
  temperature: t.float({ description: TEMPERATURE }),
  maxOutputTokens: t.int({ description: MOST_TOKENS }),
  tools: t.stringList({ description: TOOLS }),
  whenBusy: t.field({ type: WhenBusyEnum, defaultValue: 'QUEUE', description: 'What shall be done while an answer is still being written.' }),
})

export const answerRules = {
  agent: optionalName(MAX_AGENT),
  model: optionalName(200),
  temperature: optionalNumber(0, 2),
  maxOutputTokens: optionalWhole(1, 100_000),
  tools: given(settings.tools),
  whenBusy: given(z.enum(WHEN_BUSY)),
}

/** The inner id of one that is named; what is of another type is as good as none. */
export const innerId = (type: string, globalId: string | undefined, field: string): string | undefined =>
  globalId === undefined ? undefined : (idOf(type, globalId, ['input', field]) ?? '')
