/** What the tests of usage and budgets ask again and again. */
import { newId } from '../../src/core/ids.ts'
import type { CallEnding, MeteredCall, NewCall } from '../../src/usage/meter.ts'
import type { HeldRun } from '../kit/task-types.ts'
import type { TestUser, World } from '../kit/world.ts'
import { bare, create, openTaskWorld, type TaskWorld } from '../tasks/task.ts'

export { bare, openTaskWorld, type TaskWorld }

/** A model whose price the operator has set: one that can be counted in the head, a micro-USD a token of input and two of output. */
export const MODEL = { provider: 'test', model: 'plain' }

export async function price(world: World, given: { provider?: string; model?: string; input?: bigint; output?: bigint; cached?: bigint } = {}): Promise<void> {
  const { provider = MODEL.provider, model = MODEL.model, input = 1_000_000n, output = 2_000_000n, cached = null } = given
  const times = { createdAtMs: 1n, updatedAtMs: 1n }
  const { id } = await world.client.modelProvider.upsert({
    where: { name: provider },
    create: { id: newId(), name: provider, kind: 'OPENAI_COMPATIBLE', source: 'API', ...times },
    update: {},
  })
  await world.client.model.create({
    data: { id: newId(), providerId: id, name: model, capabilities: [], inputPrice: input, outputPrice: output, cachedInputPrice: cached, ...times },
  })
}

/** A task that runs, with a stream of its attempt, to make calls in. */
export interface Caller {
  taskId: string
  run: HeldRun
  streamId: string
  write(text: string): Promise<void>
  call(over?: Partial<NewCall>): NewCall
}

export async function caller(on: TaskWorld, user: TestUser, input: object = {}): Promise<Caller> {
  const task = await create(on.world, user, input)
  const run = await on.held.run(task.id)
  const stream = await run.task.openStream({ model: MODEL.model, provider: MODEL.provider })
  return {
    taskId: task.id,
    run,
    streamId: stream.streamId,
    write: async (text) => void (await stream.write('TEXT', text)),
    call: (over = {}) => ({
      ...MODEL,
      ownerId: run.task.ownerId,
      inputTokens: 10,
      maxOutputTokens: null,
      taskId: run.task.id,
      taskType: 'test.held',
      attempt: run.task.attempt,
      step: 1,
      streamId: stream.streamId,
      conversationId: null,
      messageId: null,
      ...over,
    }),
  }
}

export const ENDING: CallEnding = { status: 'COMPLETED', tokens: null, timeToFirstTokenMs: 5, durationMs: 50, finishReason: 'stop', error: null }

export const tokens = (inputTokens: number, outputTokens: number, cachedInputTokens: number | null = null) => ({
  inputTokens,
  outputTokens,
  cachedInputTokens,
  reasoningTokens: null,
})

export const begin = ({ app }: World, call: NewCall): Promise<MeteredCall> => app.meter.begin(call)

/** A call from beginning to end. Answers its id. */
export async function called(world: World, call: NewCall, ending: Partial<CallEnding> = {}): Promise<string> {
  const metered = await begin(world, call)
  await metered.end({ ...ENDING, ...ending })
  return metered.usageId
}

export const usageRow = (world: World, id: string) => world.client.providerUsage.findUniqueOrThrow({ where: { id } })

/** How a budget stands, as its row says. */
export async function standing(world: World, globalId: string): Promise<{ spent: number; reserved: number }[]> {
  const rows = await world.client.budgetSpent.findMany({ where: { budgetId: bare(globalId) }, orderBy: { periodStartMs: 'asc' } })
  return rows.map(({ spentMicroUsd, reservedMicroUsd }) => ({ spent: Number(spentMicroUsd), reserved: Number(reservedMicroUsd) }))
}
