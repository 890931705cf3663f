import { expect, test } from 'vitest'
import { coalesced } from '../../src/core/coalesced.ts'

test('asks that come while it runs are one further run', async () => {
  let runs = 0
  const job = coalesced(async () => {
    runs++
    await Promise.resolve()
  })
  await Promise.all([job(), job(), job()])
  expect(runs).toBe(2)
})

test('never runs twice at once, and serves whoever asks at any moment', async () => {
  let waiting = 0
  let active = 0
  const job = coalesced(async () => {
    expect(++active).toBe(1)
    await Promise.resolve()
    waiting = 0
    active--
  })
  // Asked again a growing number of steps after the start: also in the very steps in which a run ends.
  for (let steps = 0; steps < 50; steps++) {
    void job()
    for (let i = 0; i < steps; i++) await Promise.resolve()
    waiting = 1
    await job()
    expect(waiting, `asked ${steps} steps after the start`).toBe(0)
  }
})

test('goes on after a failure', async () => {
  let fails = true
  const job = coalesced(async () => {
    await Promise.resolve()
    if (fails) throw new Error('once')
  })
  await expect(job()).rejects.toThrow('once')
  fails = false
  await expect(job()).resolves.toBeUndefined()
})
