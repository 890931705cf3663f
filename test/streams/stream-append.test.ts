import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { kindsOf } from '../tasks/task.ts'
import {
  APPEND,
  append,
  bare,
  COMPLETE,
  create,
  FAIL,
  HEARTBEAT,
  lapse,
  newStreamId,
  OPEN,
  type Opened,
  open,
  openTaskWorld,
  read,
  stateOf,
  type TaskWorld,
  texts,
} from './stream.ts'

describe.each(dialects())('streams of producers elsewhere, on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  const refused = (mutation: string, input: object, user = on.ada) => on.world.refused(mutation, { input }, user)
  const does = async (mutation: string, input: object, user = on.ada) => (await on.world.does(mutation, { input }, user)).stream
  /** With a chunk, so that every field is valid. */
  const inputOf = (mutation: string, stream: Opened, afterSeq = 0) => ({
    ...stream,
    ...(mutation !== HEARTBEAT && { afterSeq, chunks: texts('x') }),
    ...(mutation === FAIL && { error: 'e' }),
  })
  const PRODUCING = [
    ['streamAppend', APPEND],
    ['streamHeartbeat', HEARTBEAT],
    ['streamComplete', COMPLETE],
    ['streamFail', FAIL],
  ] as const

  describe('streamOpen', () => {
    it('opens a stream with what it is told, PENDING and empty', async () => {
      const task = await create(on.world, on.ada, { runImmediately: false })
      const id = newStreamId()
      const payload = await on.world.does(OPEN, { input: { id, taskId: task.id, model: 'm', provider: 'p', idempotencyKey: 'k' } }, on.ada)
      expect(payload).toMatchObject({
        producerToken: expect.stringMatching(/^hfp_.{20}/),
        stream: { id, model: 'm', provider: 'p', idempotencyKey: 'k', task: { id: task.id } },
      })
      expect(payload.stream).toMatchObject({
        status: 'PENDING',
        text: '',
        lastSeq: -1,
        chunks: [],
        attempt: null,
        startedAt: null,
        completedAt: null,
        error: null,
      })
      expect(new Date(payload.stream.leaseExpiresAt).getTime() - new Date(payload.stream.createdAt).getTime()).toBe(60_000)
      expect(await kindsOf(on.world, id)).toEqual(['OPENED'])
    })

    it.each([{ idempotencyKey: 'again' }, { id: newStreamId() }])('sent again, raced or not, gives the same stream and the same token (%#)', async (given) => {
      const input = 'id' in given ? { id: newStreamId() } : given
      const all = await Promise.all(Array.from({ length: 10 }, () => open(on.world, on.ada, input)))
      expect(new Set(all.map(({ id }) => id)).size).toBe(1)
      expect(new Set(all.map(({ producerToken }) => producerToken)).size).toBe(1)
      expect(await refused(OPEN, { ...input, model: 'other' })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
      await append(on.world, on.ada, all[3]!, -1, 'it works')
    })

    it('refuses an id that is taken, and one that is none of a stream', async () => {
      const { id } = await open(on.world, on.ada, { id: newStreamId() })
      expect(await refused(OPEN, { id }, on.bob)).toMatchObject([{ code: 'ID_TAKEN', path: ['input', 'id'] }])
      for (const bad of ['', 'x', `Task:${newId()}`])
        expect(await refused(OPEN, { id: bad })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'id'] }])
    })

    it('belongs to tasks of one’s own only', async () => {
      const { id } = await create(on.world, on.ada, { runImmediately: false })
      const before = await on.world.client.stream.count()
      const missing = await refused(OPEN, { taskId: `Task:${newId()}` })
      expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'taskId'], message: 'Task not found.' }])
      expect(await refused(OPEN, { taskId: id }, on.bob)).toEqual(missing)
      expect(await refused(OPEN, { taskId: newStreamId() })).toEqual(missing)
      expect(await on.world.client.stream.count()).toBe(before)
    })

    it.each([
      ['model', ' '],
      ['model', 'x'.repeat(201)],
      ['provider', ''],
      ['idempotencyKey', ''],
    ])('refuses a bad %s (%#)', async (field, value) => {
      expect(await refused(OPEN, { [field]: value })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', field] }])
    })
  })

  describe('streamAppend', () => {
    it('numbers what it is given, from 0 without a hole, and keeps kinds and characters', async () => {
      const stream = await open(on.world, on.ada)
      expect(await append(on.world, on.ada, stream, -1, 'Grüße – ')).toMatchObject({ status: 'STREAMING', lastSeq: 0, startedAt: expect.any(String) })
      const chunks = [{ content: '你好' }, { kind: 'REASONING', content: 'hm' }, { kind: 'TOOL_CALL', content: '{"a":1}' }, { kind: 'TOOL_RESULT', content: '[]' }, { kind: 'DATA', content: '{}' }, { content: ' 🌞' }] // biome-ignore format: one look
      const after = await does(APPEND, { ...stream, afterSeq: 0, chunks })
      expect(after).toMatchObject({ lastSeq: 6, text: 'Grüße – 你好 🌞' })
      expect(after.chunks.map(({ seq }: { seq: number }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6])
      expect(after.chunks.slice(1)).toMatchObject(chunks.map((chunk) => ({ kind: 'TEXT', ...chunk })))
      expect(await kindsOf(on.world, stream.id)).toEqual(['OPENED', 'STARTED'])
    })

    it('takes 1,000 chunks at once, and refuses more, none, empty ones and halves of characters', async () => {
      const stream = await open(on.world, on.ada)
      const many = Array.from({ length: 1000 }, (_, i) => `${i} `)
      expect(await append(on.world, on.ada, stream, -1, ...many)).toMatchObject({ lastSeq: 999, text: many.join('') })
      const before = await stateOf(on.world, stream.id)
      const bad = [[], texts(...many, 'x'), texts('fine', ''), texts('x'.repeat(100_001)), texts('half \ud83d', '\ude00')]
      for (const chunks of bad) {
        const errors = await refused(APPEND, { ...stream, afterSeq: 999, chunks })
        expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['BAD_USER_INPUT']))
      }
      expect(await refused(APPEND, { ...stream, afterSeq: 999, chunks: texts('fine', '') })).toMatchObject([{ path: ['input', 'chunks', '1', 'content'] }])
      expect(await stateOf(on.world, stream.id)).toEqual(before)
    })

    it('refuses what does not follow the last seq, and tells that one', async () => {
      const stream = await open(on.world, on.ada)
      await append(on.world, on.ada, stream, -1, 'a', 'b', 'c')
      const before = await stateOf(on.world, stream.id)
      for (const afterSeq of [-1, 0, 1, 3, 2_000_000_000]) {
        expect(await refused(APPEND, { ...stream, afterSeq, chunks: texts('d') })).toEqual([
          { code: 'STREAM_SEQ_MISMATCH', path: ['input', 'afterSeq'], message: `The stream's last seq is 2, not ${afterSeq}.` },
        ])
      }
      for (const afterSeq of [-2, 2 ** 31 - 1, 2 ** 31 - 2]) {
        expect(await refused(APPEND, { ...stream, afterSeq, chunks: texts('d', 'e') })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'afterSeq'] }])
      }
      expect(await stateOf(on.world, stream.id)).toEqual(before)
    })

    it('of two producers at the same place lets exactly one go on', async () => {
      const stream = await open(on.world, on.ada)
      for (let round = 0; round < 10; round++) {
        const answers = await Promise.all(['a', 'b', 'c'].map((who) => refused(APPEND, { ...stream, afterSeq: round * 2 - 1, chunks: texts(who, who) })))
        expect(answers.map((errors) => errors[0]?.code).sort()).toEqual(['STREAM_SEQ_MISMATCH', 'STREAM_SEQ_MISMATCH', undefined])
      }
      const { text, lastSeq } = await read(on.world, on.ada, stream.id)
      expect(lastSeq).toBe(19)
      expect(text).toMatch(/^(aa|bb|cc){10}$/)
    })

    it('of many streams at once is kept apart', async () => {
      const streams = await Promise.all(Array.from({ length: 12 }, () => open(on.world, on.ada)))
      await Promise.all(
        streams.map(async (stream, i) => {
          for (let seq = -1; seq < 9; seq++) await append(on.world, on.ada, stream, seq, `${i}.${seq + 1} `)
        }),
      )
      for (const [i, { id }] of streams.entries()) {
        expect((await read(on.world, on.ada, id)).text).toBe(Array.from({ length: 10 }, (_, seq) => `${i}.${seq} `).join(''))
      }
    })
  })

  describe.each(PRODUCING)('%s', (_name, mutation) => {
    it('refuses whoever has another token, and changes nothing', async () => {
      const stream = await open(on.world, on.ada)
      const other = await open(on.world, on.ada)
      await append(on.world, on.ada, stream, -1, 'mine')
      const before = await stateOf(on.world, stream.id)
      for (const producerToken of [other.producerToken, 'hfp_', stream.producerToken.slice(4), `${stream.producerToken}x`, 'x']) {
        expect(await refused(mutation, inputOf(mutation, { ...stream, producerToken }))).toMatchObject([
          { code: 'PRODUCER_STALE', path: ['input', 'producerToken'] },
        ])
      }
      for (const producerToken of ['', 'x'.repeat(201)]) {
        expect(await refused(mutation, inputOf(mutation, { ...stream, producerToken }))).toMatchObject([
          { code: 'BAD_USER_INPUT', path: ['input', 'producerToken'] },
        ])
      }
      expect(await stateOf(on.world, stream.id)).toEqual(before)
    })

    it('tells no difference between a stream that is not there, not yours, or none', async () => {
      const stream = await open(on.world, on.ada)
      const missing = await refused(mutation, inputOf(mutation, { ...stream, id: newStreamId() }))
      expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Stream not found.' }])
      expect(await refused(mutation, inputOf(mutation, stream), on.bob)).toEqual(missing)
      expect(await refused(mutation, inputOf(mutation, { ...stream, id: `Task:${newId()}` }))).toEqual(missing)
      expect(await refused(mutation, inputOf(mutation, { ...stream, id: 'x' }))).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'id'] }])
    })

    it.each(['COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED'])('refuses a stream that is %s, and changes nothing', async (status) => {
      const stream = await open(on.world, on.ada)
      await append(on.world, on.ada, stream, -1, 'all of it')
      await on.world.client
        .$executeRaw`UPDATE "Stream" SET "status" = ${on.world.app.store.database.sql.asEnum('StreamStatus', status)}, "completedAtMs" = 1, "leaseExpiresAtMs" = NULL WHERE "id" = ${bare(stream.id)}`
      const before = await stateOf(on.world, stream.id)
      expect(await refused(mutation, inputOf(mutation, stream))).toEqual([
        { code: 'STREAM_NOT_OPEN', path: ['input', 'id'], message: `The stream is ${status}; nothing can be added to it.` },
      ])
      expect(await stateOf(on.world, stream.id)).toEqual(before)
    })
  })

  describe.each([
    ['streamComplete', COMPLETE, 'COMPLETED', {}, null],
    ['streamFail', FAIL, 'FAILED', { error: 'the model is gone' }, 'the model is gone'],
  ] as const)('%s', (_name, mutation, status, more, error) => {
    it('ends a stream, with or without last chunks', async () => {
      const plain = await open(on.world, on.ada)
      expect(await does(mutation, { ...plain, ...more })).toMatchObject({
        status,
        error,
        text: '',
        lastSeq: -1,
        completedAt: expect.any(String),
        leaseExpiresAt: null,
      })
      const placed = await open(on.world, on.ada)
      await append(on.world, on.ada, placed, -1, 'a')
      expect(await does(mutation, { ...placed, ...more, afterSeq: 0 })).toMatchObject({ status, text: 'a' })
      const more2 = await open(on.world, on.ada)
      await append(on.world, on.ada, more2, -1, 'a')
      expect(await does(mutation, { ...more2, ...more, afterSeq: 0, chunks: texts('b', 'c') })).toMatchObject({ status, text: 'abc', lastSeq: 2 })
      expect(await kindsOf(on.world, more2.id)).toEqual(['OPENED', 'STARTED', status])
    })

    it('commits the last chunks together with the status: a follower sees both or neither', async () => {
      const stream = await open(on.world, on.ada)
      const live = await on.world.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { text status } }', { id: stream.id }, on.ada)
      expect(await live.take()).toEqual({ text: '', status: 'PENDING' })
      await does(mutation, { ...stream, ...more, afterSeq: -1, chunks: texts('a', 'b') })
      expect(await live.take()).toEqual({ text: 'ab', status })
      expect(await live.next()).toMatchObject({ done: true })
    })

    it('refuses last chunks that do not follow, or have no place, and the stream stays open', async () => {
      const stream = await open(on.world, on.ada)
      await append(on.world, on.ada, stream, -1, 'a', 'b')
      const before = await stateOf(on.world, stream.id)
      expect(await refused(mutation, { ...stream, ...more, afterSeq: 0, chunks: texts('x') })).toMatchObject([
        { code: 'STREAM_SEQ_MISMATCH', path: ['input', 'afterSeq'] },
      ])
      expect(await refused(mutation, { ...stream, ...more, afterSeq: 0 })).toMatchObject([
        { code: 'STREAM_SEQ_MISMATCH', message: "The stream's last seq is 1, not 0." },
      ])
      expect(await refused(mutation, { ...stream, ...more, chunks: texts('x') })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'afterSeq'] }])
      expect(await stateOf(on.world, stream.id)).toEqual(before)
    })

    it('of many at once is done once', async () => {
      const stream = await open(on.world, on.ada)
      const answers = await Promise.all(Array.from({ length: 5 }, () => refused(mutation, { ...stream, ...more })))
      expect(answers.map((errors) => errors[0]?.code).sort()).toEqual([...Array(4).fill('STREAM_NOT_OPEN'), undefined])
      expect(await kindsOf(on.world, stream.id)).toEqual(['OPENED', status])
    })
  })

  it('streamFail needs to be told why', async () => {
    const stream = await open(on.world, on.ada)
    for (const error of ['', 'x'.repeat(4001)])
      expect(await refused(FAIL, { ...stream, error })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'error'] }])
  })

  describe('the lease of a producer', () => {
    it('is renewed by what it appends, and by its heartbeat', async () => {
      const stream = await open(on.world, on.ada)
      for (const alive of [() => append(on.world, on.ada, stream, -1, 'a'), () => does(HEARTBEAT, stream)]) {
        await lapse(on.world, stream.id)
        const before = Date.now()
        const { leaseExpiresAt } = await alive()
        expect(Math.abs(new Date(leaseExpiresAt).getTime() - before - 60_000)).toBeLessThan(5000)
      }
      await on.world.app.runner.sweep()
      expect(await read(on.world, on.ada, stream.id)).toMatchObject({ status: 'STREAMING', text: 'a' })
    })

    it('when it runs out, leaves the stream INTERRUPTED with its text, tells the followers, and refuses the producer', async () => {
      const stream = await open(on.world, on.ada)
      await append(on.world, on.ada, stream, -1, 'half a sent')
      const live = await on.world.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { text status } }', { id: stream.id }, on.ada)
      expect(await live.take()).toEqual({ text: 'half a sent', status: 'STREAMING' })
      await lapse(on.world, stream.id)
      await on.world.app.runner.sweep()
      expect(await live.take()).toEqual({ text: '', status: 'INTERRUPTED' })
      expect(await read(on.world, on.ada, stream.id)).toMatchObject({ status: 'INTERRUPTED', text: 'half a sent', error: 'The producer fell silent.' })
      expect(await refused(APPEND, { ...stream, afterSeq: 0, chunks: texts('ence') })).toMatchObject([{ code: 'STREAM_NOT_OPEN' }])
      expect(await kindsOf(on.world, stream.id)).toEqual(['OPENED', 'STARTED', 'INTERRUPTED'])
    })
  })
})
