/** Of everything that there can be something, in each of the states that it can stay in. */
import { create as createBudget } from '../budgets/budget.ts'
import { create as createConversation, FORK, send, whenMessage } from '../conversations/conversation.ts'
import { create as createSchedule } from '../schedules/schedule.ts'
import { add as addDocument, create as createCollection, DELETE as DELETE_COLLECTION } from '../search/search.ts'
import { append, CANCEL as CANCEL_STREAM, COMPLETE as COMPLETE_STREAM, OPEN, open } from '../streams/stream.ts'
import { CANCEL, completes, create, DELETE, does, newTaskId, RETRY, type TaskWorld, whenStatus, whenTask } from '../tasks/task.ts'
import { COMPLETE, claimOne, FAIL, keyOf, lease, REGISTER, RELEASE, WAIT } from '../tasks/work/work.ts'
import { begin, called, caller, tokens } from '../usage/metered.ts'

const FAR = '2099-01-01T00:00:00Z'
const TYPE = 'everything.elsewhere'

export async function everything(on: TaskWorld): Promise<void> {
  await tasks(on)
  await families(on)
  await elsewhere(on)
  await createSchedule(on.world, on.ada)
  await spending(on)
  await conversations(on)
  await documents(on)
}

/** Budgets, a call that has ended and alerted, and one that runs. */
async function spending(on: TaskWorld): Promise<void> {
  const model = { provider: 'openai', model: 'gpt-4o-mini' }
  await createBudget(on.world, on.ada)
  await createBudget(on.world, on.ada, { scope: 'TASK_TYPE', taskType: 'test.held', period: 'DAY', amountMicroUsd: 2000 })
  const by = await caller(on, on.ada)
  await called(on.world, by.call(model), { tokens: tokens(2000, 600) })
  await begin(on.world, by.call({ ...model, step: 2 }))
}

/** A collection with a document of several chunks, and one that is cleared away. */
async function documents({ world, ada }: TaskWorld): Promise<void> {
  const { id } = await createCollection(world, ada, { settings: { chunkWords: 20 } })
  await addDocument(world, ada, id, 'words of a lantern in the harbour '.repeat(20), { externalId: 'everything', tags: ['t'] })
  const { id: gone } = await createCollection(world, ada)
  await addDocument(world, ada, gone, 'soon gone')
  await world.does(DELETE_COLLECTION, { input: { id: gone } }, ada)
}

async function conversations({ world, ada }: TaskWorld): Promise<void> {
  await createConversation(world, ada)
  const { conversation, message, answer } = await send(world, ada, { text: 'hello' })
  await whenMessage(world, ada, answer.id, ({ completedAt }) => completedAt !== null)
  await world.does(FORK, { input: { conversationId: conversation.id, messageId: message.id } }, ada)
}

async function tasks(on: TaskWorld): Promise<void> {
  const { world, ada, held, scripts } = on
  scripts.write('fails', async () => {
    throw new Error('It cannot be done.')
  })
  const failing = { type: 'test.scripted', params: { script: 'fails' } }
  const created = await create(world, ada, { runImmediately: false, idempotencyKey: 'everything' })
  await create(world, ada, { runAt: FAR, totalTimeoutSeconds: 60 })
  await create(world, ada, { dependsOn: [created.id] })
  const done = await create(world, ada, { timeoutSeconds: 3600 })
  await completes(on, ada, done.id)
  await create(world, ada, { dependsOn: [created.id, done.id], runAt: FAR })
  const failed = await create(world, ada, { ...failing, maxAttempts: 1, runImmediately: false })
  const dependent = await create(world, ada, { dependsOn: [failed.id] })
  await does(world, `mutation ($input: TaskRunInput!) { taskRun(input: $input) { task { id } userErrors { code message } } }`, { id: failed.id }, ada)
  await whenStatus(world, ada, dependent.id, 'CANCELLED')
  const again = await create(world, ada, { ...failing, retryPolicy: { initialSeconds: 3600 } })
  await whenTask(world, ada, again.id, ({ status, attempt }) => status === 'QUEUED' && attempt === 1)
  const cancelled = await create(world, ada)
  await held.run(cancelled.id)
  await does(world, CANCEL, { id: cancelled.id }, ada)
  await whenStatus(world, ada, cancelled.id, 'CANCELLED')
  await does(world, RETRY, { id: cancelled.id }, ada)
  ;(await held.run(cancelled.id, 2)).complete({})
  await whenStatus(world, ada, cancelled.id, 'COMPLETED')
  const deleted = await create(world, ada, { id: newTaskId(), runImmediately: false })
  await world.does(DELETE, { input: { id: deleted.id } }, ada)
  const keyed = await Promise.all([1, 2, 3].map(() => create(world, ada, { concurrencyKey: 'everything', concurrencyLimit: 2 })))
  await Promise.race(keyed.map(({ id }) => held.run(id)))
}

/** A parent that waits for children, one that runs and one that waits itself. */
async function families({ world, ada, held, scripts }: TaskWorld): Promise<void> {
  const children: string[] = []
  scripts.write('forks', async (task) => {
    for (const [i, key] of ['runs', 'waits'].entries())
      children.push(await task.createChild(key, { type: 'test.held', params: {}, ...(i && { dependsOn: [children[0]!] }) }))
    return { waitForChildren: true }
  })
  const parent = await create(world, ada, { type: 'test.scripted', params: { script: 'forks' } })
  await whenTask(world, ada, parent.id, ({ status, attempt }) => status === 'QUEUED' && attempt === 1)
  await held.run(`Task:${children[0]}`)
  const lost = await create(world, ada)
  const child = await create(world, ada, { parentId: lost.id, runAt: FAR })
  await does(world, CANCEL, { id: lost.id }, ada)
  await whenStatus(world, ada, child.id, 'CANCELLED')
}

async function elsewhere({ world, ada }: TaskWorld): Promise<void> {
  const key = await keyOf(world, ada, ['TASKS_WORK', 'STREAMS_WRITE', 'STREAMS_READ'])
  await world.does(REGISTER, { input: { name: TYPE } }, key)
  const claimed = async () => {
    await create(world, ada, { type: TYPE, params: {} })
    return claimOne(world, key, TYPE)
  }
  const ends = [
    { mutation: COMPLETE, input: { result: 1 } },
    { mutation: FAIL, input: { error: 'Not today.', retry: false } },
    { mutation: WAIT, input: {} },
    { mutation: RELEASE, input: {} },
  ]
  for (const { mutation, input } of ends) await world.does(mutation, { input: { ...lease(await claimed()), ...input } }, key)
  const { task, leaseToken } = await claimed()
  const { stream, producerToken } = await world.does(OPEN, { input: { taskId: task.id, leaseToken } }, key)
  await append(world, ada, { id: stream.id, producerToken }, -1, 'a', 'b')
  await append(world, ada, await open(world, ada), -1, 'c')
  await open(world, ada)
  const [ended, cancelled] = [await open(world, ada), await open(world, ada)]
  await world.does(COMPLETE_STREAM, { input: ended }, ada)
  await world.does(CANCEL_STREAM, { input: { id: cancelled.id } }, ada)
}
