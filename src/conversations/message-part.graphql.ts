/** What a message is made of. */
import { z } from 'zod'
import { given, json, text } from '../core/input.ts'
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { MAX_MESSAGE, MAX_PARTS, type MessagePart } from './message.ts'

const MAX_DATA_BYTES = 100_000

const MessagePartType = builder.enumType('MessagePartType', {
  description: 'What a part of a message holds.',
  values: {
    TEXT: { description: 'Text.' },
    REASONING: { description: 'What the model thought.' },
    TOOL_CALL: { description: 'The model calls a tool.' },
    TOOL_RESULT: { description: 'What the tool answered.' },
    DATA: { description: 'Anything else, as JSON.' },
  } as const,
})

const field = <Name extends string>(part: MessagePart, name: Name): unknown => (part as unknown as Record<Name, unknown>)[name] ?? null

export const MessagePartRef = builder.objectRef<MessagePart>('MessagePart').implement({
  description: 'A part of a message.',
  fields: (t) => ({
    type: t.field({ type: MessagePartType, description: 'What it holds.', resolve: (part) => part.type }),
    text: t.string({ nullable: true, description: 'Of TEXT and REASONING: the text.', resolve: (part) => field(part, 'text') as string | null }),
    callId: t.string({
      nullable: true,
      description: 'Of TOOL_CALL and TOOL_RESULT: what joins the two.',
      resolve: (part) => field(part, 'callId') as string | null,
    }),
    name: t.string({ nullable: true, description: 'Of TOOL_CALL and TOOL_RESULT: the tool.', resolve: (part) => field(part, 'name') as string | null }),
    input: t.field({
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      description: 'Of TOOL_CALL: what the tool was given.',
      resolve: (part) => field(part, 'input'),
    }),
    output: t.field({
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      description: 'Of TOOL_RESULT: what the tool answered.',
      resolve: (part) => field(part, 'output'),
    }),
    isError: t.boolean({
      nullable: true,
      description: 'Of TOOL_RESULT: whether the tool failed.',
      resolve: (part) => field(part, 'isError') as boolean | null,
    }),
    data: t.field({ ...weighs(1), type: 'JSON', nullable: true, description: 'Of DATA: what it is.', resolve: (part) => field(part, 'data') }),
  }),
})

export const PARTS_WEIGHT = weighs(LONG_VALUE)

const MessagePartInput = builder.inputType('MessagePartInput', {
  description: 'A part of what is said: a text or data, one of the two.',
  fields: (t) => ({
    text: t.string({ description: `Text, at most ${MAX_MESSAGE} characters.` }),
    data: t.field({ type: 'JSON', description: `Anything, which the model is given as JSON; at most ${MAX_DATA_BYTES} bytes.` }),
  }),
})

/** What is said, in an input: as a text, or as parts. */
// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each mutation
export const saidFields = (t: any) => ({
  text: t.string({ description: `What is said, 1 to ${MAX_MESSAGE} characters; instead of parts.` }),
  parts: t.field({ type: [MessagePartInput], description: `What is said, in 1 to ${MAX_PARTS} parts; instead of a text.` }),
})

export const saidRules = {
  text: given(text(1, MAX_MESSAGE)),
  parts: given(
    z
      .array(
        z
          .object({ text: given(text(1, MAX_MESSAGE)), data: json(MAX_DATA_BYTES) })
          .refine((part) => (part.text === undefined) !== ((part.data ?? undefined) === undefined), {
            message: 'Give text or data, one of the two',
            path: ['text'],
          }),
      )
      .min(1, 'Must not be empty')
      .max(MAX_PARTS, `Must have at most ${MAX_PARTS} parts`)
      .refine((parts) => parts.reduce((sum, part) => sum + (part.text?.length ?? 0), 0) <= MAX_MESSAGE, `Must have at most ${MAX_MESSAGE} characters in all`),
  ),
}

interface Said {
  text?: string | undefined
  parts?: { text?: string | undefined; data?: unknown }[] | undefined
}

export const ONE_OF_TWO = { message: 'Give a text or parts, one of the two', path: ['text'] }
export const isSaid = ({ text: whole, parts }: Said): boolean => (whole === undefined) !== (parts === undefined)

export const partsOf = ({ text: whole, parts = [] }: Said): MessagePart[] =>
  whole !== undefined
    ? [{ type: 'TEXT', text: whole }]
    : parts.map((part) => (part.text !== undefined ? { type: 'TEXT', text: part.text } : { type: 'DATA', data: part.data }))
