import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { bare, CANCEL, completes, create, DELETE, does, newTaskId, openTaskWorld, RUN, type TaskWorld, UPDATE, whenStatus } from './task.ts'

const EVENT = 'cursor occurredAt kind taskId fromStatus toStatus data actor { id } task { id status }'
const ONE = `subscription ($id: ID!, $after: Cursor) { taskUpdated(id: $id, after: $after) { ${EVENT} } }`
const MANY = `subscription ($filter: TaskFilter, $after: Cursor) { tasksUpdated(filter: $filter, after: $after) { ${EVENT} } }`

describe.each(dialects())('following tasks on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  const follow = (id: string, after?: string | null, headers: Record<string, string> = {}, user = on.ada) => on.world.follow(ONE, { id, after }, user, headers)
  const cursorNow = async () => (await on.world.ask('{ eventCursor }', {}, on.ada)).data.eventCursor as string
  const refusal = async (live: Promise<Awaited<ReturnType<typeof follow>>>) => (await (await live).next()).value?.errors?.[0].extensions.code
  const kindsOf = (events: { kind: string }[]) => events.map(({ kind }) => kind)
  const isEnd = (event: { toStatus: string }) => ['COMPLETED', 'FAILED', 'CANCELLED'].includes(event.toStatus)

  describe('taskUpdated', () => {
    it('begins with how the task stands, then tells every change', async () => {
      const { id } = await create(on.world, on.ada, { runImmediately: false, domain: 'd' })
      const live = await follow(id)
      expect(await live.take()).toMatchObject({
        kind: 'SNAPSHOT',
        taskId: id,
        fromStatus: null,
        toStatus: 'CREATED',
        actor: null,
        task: { id, status: 'CREATED' },
        data: { domain: 'd', attempt: 0, priority: 0 },
      })
      await does(on.world, RUN, { id }, on.ada)
      expect(await live.take()).toMatchObject({ kind: 'QUEUED', fromStatus: 'CREATED', toStatus: 'QUEUED', actor: { id: on.ada.id } })
      expect(await live.take()).toMatchObject({ kind: 'STARTED', fromStatus: 'QUEUED', toStatus: 'RUNNING', actor: null, data: { attempt: 1 } })
      ;(await on.held.run(id)).task.progress(0.5, 'half')
      expect(await live.take()).toMatchObject({ kind: 'PROGRESSED', fromStatus: null, toStatus: 'RUNNING', data: { progress: 0.5, progressMessage: 'half' } })
      await does(on.world, UPDATE, { id, description: 'new' }, on.ada)
      expect(await live.take()).toMatchObject({ kind: 'UPDATED', fromStatus: null, data: { fields: ['description'] } })
      ;(await on.held.run(id)).complete({})
      expect(await live.take()).toMatchObject({ kind: 'COMPLETED', fromStatus: 'RUNNING', toStatus: 'COMPLETED', task: { status: 'COMPLETED' } })
      await live.stop()
    })

    it('goes on after a cursor with exactly what was not seen, wherever that is', async () => {
      const { id } = await create(on.world, on.ada)
      await completes(on, on.ada, id)
      await does(on.world, UPDATE, { id, summary: 'the end' }, on.ada)
      const all = await (await follow(id, await cursorBefore(id))).until((event) => event.kind === 'UPDATED')
      expect(kindsOf(all)).toEqual(['CREATED', 'STARTED', 'COMPLETED', 'UPDATED'])
      for (let seen = 0; seen < 3; seen++) {
        const rest = await (await follow(id, all[seen].cursor)).until((event) => event.kind === 'UPDATED')
        expect(rest.map(({ cursor }) => cursor)).toEqual(all.slice(seen + 1).map(({ cursor }) => cursor))
      }
    })

    const cursorBefore = async (id: string) => {
      const { position } = await on.world.client.event.findFirstOrThrow({ where: { subjectId: bare(id) }, orderBy: { position: 'asc' } })
      return `${on.world.app.store.logId}.${Number(position) - 1}`
    }

    it('of a snapshot gives a cursor that misses nothing and repeats nothing', async () => {
      for (let i = 0; i < 10; i++) {
        const { id } = await create(on.world, on.ada)
        const live = await follow(id)
        const first = await live.take()
        void on.held.run(id).then((run) => run.complete({}))
        const events = isEnd(first) ? [first] : [first, ...(await live.until(isEnd))]
        await live.stop()
        const again = isEnd(first) ? [] : await (await follow(id, first.cursor)).until(isEnd)
        expect(kindsOf(again)).toEqual(kindsOf(events).slice(1))
        const statuses = events.map(({ toStatus }) => toStatus)
        expect(['QUEUED', 'RUNNING', 'COMPLETED'].join().endsWith(statuses.join())).toBe(true)
      }
    })

    it('over SSE goes on after Last-Event-ID, also where the first request came with another cursor', async () => {
      const { id } = await create(on.world, on.ada)
      const before = await cursorBefore(id)
      await completes(on, on.ada, id)
      const live = await follow(id, before)
      await live.next()
      const { value: started } = await live.next()
      expect(started).toMatchObject({ id: started.data.taskUpdated.cursor, data: { taskUpdated: { kind: 'STARTED' } } })
      await live.stop()
      for (const after of [undefined, before]) {
        const resumed = await follow(id, after, { 'last-event-id': started.id })
        expect(await resumed.take()).toMatchObject({ kind: 'COMPLETED' })
        await resumed.stop()
      }
    })

    it('is refused for what is not there, not yours or no task, also where one resumes, and for strangers', async () => {
      const { id } = await create(on.world, on.ada, { runImmediately: false })
      const after = await cursorBefore(id)
      for (const cursor of [undefined, after]) {
        expect(await refusal(follow(newTaskId(), cursor))).toBe('NOT_FOUND')
        expect(await refusal(follow(id, cursor, {}, on.bob))).toBe('NOT_FOUND')
        expect(await refusal(follow(`Stream:${newId()}`, cursor))).toBe('NOT_FOUND')
      }
      expect(await refusal(follow('x'))).toBe('BAD_USER_INPUT')
      expect(await refusal(follow(id, 'x'))).toBe('BAD_USER_INPUT')
      expect(await refusal(follow(id, '000000000000.1'))).toBe('CURSOR_EXPIRED')
      expect(await refusal(on.world.follow(ONE, { id }))).toBe('UNAUTHENTICATED')
      const admin = await follow(id, undefined, {}, on.admin)
      expect(await admin.take()).toMatchObject({ kind: 'SNAPSHOT' })
      await admin.stop()
    })

    it('tells someone who resumes that the task is gone since, and ends', async () => {
      const { id } = await create(on.world, on.ada, { runImmediately: false })
      const after = await cursorNow()
      await on.world.does(DELETE, { input: { id } }, on.ada)
      const live = await follow(id, after)
      expect(await live.take()).toMatchObject({ kind: 'DELETED', task: null })
      expect(await live.next()).toMatchObject({ done: true })
      expect(await refusal(follow(id, await cursorNow()))).toBe('NOT_FOUND')
      expect(await refusal(follow(id))).toBe('NOT_FOUND')
    })
  })

  describe('tasksUpdated', () => {
    it('tells every change from now on, or from a cursor on, of one’s own tasks', async () => {
      const after = await cursorNow()
      const live = await on.world.follow(MANY, { after }, on.ada)
      await create(on.world, on.bob, { runImmediately: false })
      const { id } = await create(on.world, on.ada, { runImmediately: false })
      await does(on.world, CANCEL, { id }, on.ada)
      const events = await live.until((event) => event.kind === 'CANCELLED')
      expect(events.map(({ kind, taskId }) => [kind, taskId])).toEqual([
        ['CREATED', id],
        ['CANCELLED', id],
      ])
      await live.stop()
      const admin = await on.world.follow(MANY, { after }, on.admin)
      expect(kindsOf(await admin.until((event) => event.kind === 'CANCELLED'))).toEqual(['CREATED', 'CREATED', 'CANCELLED'])
      await admin.stop()
      const resumed = await on.world.follow(MANY, { after }, on.ada, { 'last-event-id': events[0].cursor })
      expect(kindsOf([await resumed.take()])).toEqual(['CANCELLED'])
      await resumed.stop()
    })

    it('tells what enters the filter, what stays in it and what leaves it, and nothing else', async () => {
      const after = await cursorNow()
      const { id } = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z', priority: 1 })
      await create(on.world, on.ada, { runImmediately: false, priority: 1 })
      for (const priority of [5, 6, 1, 2]) await does(on.world, UPDATE, { id, priority }, on.ada)
      await does(on.world, UPDATE, { id, priority: 7 }, on.ada)
      const live = await on.world.follow(MANY, { filter: { priority: { gte: 5 } }, after }, on.ada)
      const events = await live.until((event) => event.data.priority === 7)
      expect(events.map(({ data }) => data.priority)).toEqual([5, 6, 1, 7])
      await live.stop()
    })

    it('tells that a running task leaves a list of the waiting ones', async () => {
      const after = await cursorNow()
      const { id } = await create(on.world, on.ada)
      await whenStatus(on.world, on.ada, id, 'RUNNING')
      await does(on.world, CANCEL, { id }, on.ada)
      const live = await on.world.follow(MANY, { filter: { status: { eq: 'QUEUED' } }, after }, on.ada)
      expect(kindsOf([await live.take(), await live.take()])).toEqual(['CREATED', 'STARTED'])
      const { id: next } = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
      expect(await live.take()).toMatchObject({ kind: 'CREATED', taskId: next })
      await live.stop()
    })

    it('refuses a filter that is too large, and ids that are none', async () => {
      let filter: object = { priority: { eq: 1 } }
      for (let i = 0; i < 6; i++) filter = { not: filter }
      expect(await refusal(on.world.follow(MANY, { filter }, on.ada))).toBe('BAD_USER_INPUT')
      expect(await refusal(on.world.follow(MANY, { filter: { id: { eq: 'x' } } }, on.ada))).toBe('BAD_USER_INPUT')
    })

    it('misses nothing and repeats nothing while many tasks run at once', async () => {
      const live = await on.world.follow(MANY, { filter: { domain: { eq: 'many' } }, after: await cursorNow() }, on.ada)
      on.scripts.write('many', async () => ({}))
      const made = Promise.all(
        Array.from({ length: 40 }, () => create(on.world, on.ada, { type: 'test.scripted', params: { script: 'many' }, domain: 'many' })),
      )
      let left = 40
      const events = await live.until((event) => event.kind === 'COMPLETED' && --left === 0)
      await live.stop()
      const ids = (await made).map(({ id }) => id)
      for (const id of ids) expect(kindsOf(events.filter(({ taskId }) => taskId === id))).toEqual(['CREATED', 'STARTED', 'COMPLETED'])
      expect(events).toHaveLength(120)
    })
  })
})
