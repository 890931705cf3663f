/** Starting and cancelling streams. */
import { z } from 'zod'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, json, name, optionalId, optionalName, optionalNumber, optionalWhole, text } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import { taskEnded } from '../tasks/task-ended.ts'
import { answerSchema, type TextGenerateParams } from '../tasks/types/text-generate.ts'
import { streamCancel } from './stream-cancel.ts'
import { ownTask, streamField } from './stream-payload.graphql.ts'
import { streamStart } from './stream-start.ts'

const ChatRoleEnum = builder.enumType('ChatRole', {
  description: 'Who says something.',
  values: {
    SYSTEM: { description: 'Instructions.' },
    USER: { description: 'The person, or program, that asks.' },
    ASSISTANT: { description: 'The model.' },
    TOOL: { description: 'A tool that the model called.' },
  },
})

const ReasoningEffortEnum = builder.enumType('ReasoningEffort', {
  description: 'How much a model shall think before it answers, where it can; it costs output tokens.',
  values: { LOW: { description: 'A little.' }, MEDIUM: { description: 'More.' }, HIGH: { description: 'As much as is of use.' } },
})

const ToolCallInput = builder.inputType('ToolCallInput', {
  description: 'A call of a tool by the model.',
  fields: (t) => ({
    callId: t.string({ required: true, description: 'What joins the call and the message with what came of it; 1 to 200 characters.' }),
    name: t.string({ required: true, description: 'The tool.' }),
    input: t.field({ type: 'JSON', description: 'What it was given; at most 100,000 bytes.' }),
  }),
})

const ChatMessageInput = builder.inputType('ChatMessageInput', {
  description: 'One turn of a conversation.',
  fields: (t) => ({
    role: t.field({ type: ChatRoleEnum, required: true, description: 'Who says it.' }),
    content: t.string({ description: 'What is said; 1 to 100,000 characters. Needed but for a TOOL, and an ASSISTANT that only calls tools.' }),
    toolCalls: t.field({
      type: [ToolCallInput],
      description: 'Of an ASSISTANT: the tools it called then, each answered by a TOOL message right after; at most 100.',
    }),
    callId: t.string({ description: 'Of a TOOL: the call it answers.' }),
    name: t.string({ description: 'Of a TOOL: its name.' }),
    output: t.field({ type: 'JSON', description: 'Of a TOOL: what it answered; at most 100,000 bytes.' }),
    isError: t.boolean({ description: 'Of a TOOL: whether that is what went wrong.' }),
  }),
})

/** Without the fields that were not given. */
const defined = <T extends object>(fields: T): T => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T

/** The message as the task takes it, with only the fields of its role. */
const chatMessage = z
  .object({
    role: z.enum(['SYSTEM', 'USER', 'ASSISTANT', 'TOOL']),
    content: given(text(0, 100_000)),
    toolCalls: given(z.array(z.object({ callId: text(1, 200), name: name(64), input: json(100_000) })).max(100, 'Must have at most 100 calls')),
    callId: given(text(1, 200)),
    name: given(name(64)),
    output: json(100_000),
    isError: given(z.boolean()),
  })
  .superRefine((message, ctx) => {
    const fault = (path: string, what: string) => ctx.addIssue({ code: 'custom', message: what, path: [path] })
    const { role, content, toolCalls, callId, output, isError } = message
    if (role !== 'TOOL' && !content && !(role === 'ASSISTANT' && toolCalls?.length)) fault('content', 'Must not be empty')
    if (role !== 'ASSISTANT' && toolCalls) fault('toolCalls', 'Only an ASSISTANT calls tools')
    if (role === 'TOOL' && callId === undefined) fault('callId', 'Is needed of a TOOL')
    if (role === 'TOOL' && message.name === undefined) fault('name', 'Is needed of a TOOL')
    if (role === 'TOOL' && content) fault('content', 'Is not said by a TOOL; give its output')
    if (role !== 'TOOL' && (callId ?? message.name ?? output ?? isError) !== undefined) fault('role', 'Only a TOOL has callId, name, output and isError')
  })
  .transform(({ role, content, toolCalls, callId, name: tool, output, isError }): NonNullable<TextGenerateParams['messages']>[number] => {
    if (role === 'TOOL') return defined({ role: 'tool' as const, callId: callId!, name: tool!, output: output ?? null, isError })
    if (role === 'ASSISTANT')
      return defined({ role: 'assistant' as const, content: content ?? '', toolCalls: toolCalls?.map((call) => ({ ...call, input: call.input ?? null })) })
    return { role: role.toLowerCase() as 'system' | 'user', content: content! }
  })

mutation('streamStart', {
  description: 'Lets a model answer: starts a `text.generate` task and opens the stream that it writes. Follow it with `streamChunks`.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'What shall be answered, and how.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `Stream:<UUIDv7>`, so that sending this again is harmless.' }),
    model: t.string({ description: 'As `provider/model`; left out: the default of this server.' }),
    prompt: t.string({ description: 'What to answer; instead of messages. 1 to 100,000 characters.' }),
    messages: t.field({ type: [ChatMessageInput], description: 'The conversation to answer; instead of a prompt. 1 to 500.' }),
    system: t.string({ description: 'Instructions that go before all else; at most 20,000 characters.' }),
    fallbackModels: t.stringList({ description: 'Asked in this order where the model cannot answer, as long as nothing was written; at most 5.' }),
    stop: t.stringList({ description: 'Texts that end the answer; at most 4, of at most 200 characters.' }),
    schema: t.field({
      type: 'JSON',
      description:
        'A JSON Schema (draft 2020-12, at most 50,000 bytes) that the answer must fulfil: the task’s result holds it as `object`. An answer that does not ends FAILED, its text kept.',
    }),
    reasoning: t.field({
      type: ReasoningEffortEnum,
      description: 'How much to think first, where the model can. What it thinks comes in REASONING chunks, as far as it is told.',
    }),
    tools: t.stringList({
      description: 'Names of tools that the model may call, out of `tools`; at most 32. Calls and answers come in TOOL_CALL and TOOL_RESULT chunks.',
    }),
    maxSteps: t.int({ description: 'Most calls of the model, which is called again with what its tools answered; 1 to 50, 8 by default.' }),
    callTimeoutSeconds: t.int({ description: 'A call of the model that takes longer is given up; 1 to 3600. Left out: as long as something comes.' }),
    temperature: t.float({ description: 'From 0 (steady) to 2 (wild).' }),
    maxOutputTokens: t.int({ description: 'The answer ends after so many tokens; 1 to 100,000.' }),
    taskId: t.id({ description: 'A task of yours that the stream shall belong to; left out: the one that writes it.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same stream, for a day at least; at most 200 characters.' }),
  }),
  validate: z
    .object({
      id: optionalId,
      model: optionalName(200),
      prompt: given(text(1, 100_000)),
      messages: given(z.array(chatMessage).min(1, 'Must not be empty').max(500, 'Must have at most 500 messages')),
      system: given(text(1, 20_000)),
      fallbackModels: given(z.array(name(200)).max(5, 'Must have at most 5 models')),
      stop: given(z.array(text(1, 200)).max(4, 'Must have at most 4 texts')),
      schema: given(answerSchema),
      reasoning: given(z.enum(['LOW', 'MEDIUM', 'HIGH'])),
      tools: given(z.array(name(64)).max(32, 'Must have at most 32 tools')),
      maxSteps: optionalWhole(1, 50),
      callTimeoutSeconds: optionalWhole(1, 3600),
      temperature: optionalNumber(0, 2),
      maxOutputTokens: optionalWhole(1, 100_000),
      taskId: optionalId,
      idempotencyKey,
    })
    .refine((input) => (input.prompt === undefined) !== (input.messages === undefined), {
      message: 'Give a prompt or messages, one of the two',
      path: ['prompt'],
    }),
  payload: (t) => ({
    ...streamField(t),
    task: t.prismaField({
      type: TaskRef,
      nullable: true,
      description: 'The task that writes it.',
      resolve: (query, payload, _args, ctx) => {
        const made = payload.made as unknown as { taskId: string } | null
        return made ? ctx.db.task.findUnique({ ...query, where: { id: made.taskId } }) : null
      },
    }),
  }),
  run: (input, ctx) => {
    const { id: globalId, taskId, idempotencyKey: key, ...generation } = input
    for (const tool of generation.tools ?? []) ctx.app.tools.required(tool, ['input', 'tools'])
    const streamId = globalId === undefined ? undefined : newIdOf('Stream', globalId)
    return ctx.once({ mutation: 'streamStart', key, id: globalId, input }, async (work) => {
      return streamStart(work, ctx.app.taskTypes, {
        id: streamId,
        taskId: await ownTask(work, taskId),
        idempotencyKey: key,
        generation: defined(generation),
      })
    })
  },
})

mutation('streamCancel', {
  description:
    'Ends a stream, on whichever server it is written; the text so far is kept. One that a task writes is ended by cancelling the task; the answer waits up to two seconds for that.',
  rights: 'STREAMS_WRITE',
  inputDescription: 'Which stream.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The stream’s id.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input answers the same; at most 200 characters.' }),
  }),
  validate: z.object({ id, idempotencyKey }),
  payload: streamField,
  run: async (input, ctx) => {
    const streamId = idOf('Stream', input.id, ['input', 'id']) ?? ''
    const committed = await ctx.once({ mutation: 'streamCancel', key: input.idempotencyKey, input }, async (work) => ({
      streamId,
      ...(await streamCancel(work, streamId)),
    }))
    if (committed.result.taskId) await taskEnded(ctx.app.store, committed.result.taskId)
    return committed
  },
})
