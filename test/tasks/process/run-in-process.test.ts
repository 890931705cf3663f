import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { runInProcess } from '../../../src/tasks/process/run-in-process.ts'
import type { TaskRun } from '../../../src/tasks/task-type.ts'
import { childrenOf, isRunning, whenGone } from './pids.ts'

const parent = fileURLToPath(new URL('./parent.ts', import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

it.each(['computeForever', 'ignoreAbort', 'javascript', 'python'])('nothing is left of it when its server is killed at once (%s)', async (what) => {
  const server = spawn(process.execPath, ['--import', tsx, parent, what], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(server.stdout!, 'data')
  const children = childrenOf(server.pid!)
  const all = [...children, ...children.flatMap(childrenOf)]
  expect(all.length).toBeGreaterThan(0)
  expect(all.every(isRunning)).toBe(true)
  server.kill('SIGKILL')
  for (const pid of all) await whenGone(pid)
})

it('a process that cannot be started is told as such, and is worth another try', async () => {
  const task = { id: 'a', ownerId: 'b', attempt: 1, params: {}, signal: new AbortController().signal } as TaskRun
  const work = { command: { argv: ['/nowhere/node'] }, module: null, limits: { heapMb: 64, residentMb: 64 } }
  await expect(runInProcess(task, work)).rejects.toMatchObject({
    code: 'PROCESS_FAILED',
    retryable: true,
    message: 'The process of the task could not be started (spawn /nowhere/node ENOENT).',
  })
})

it('a task that was cancelled already starts no process', async () => {
  const task = { id: 'a', ownerId: 'b', attempt: 1, params: {}, signal: AbortSignal.abort(new Error('not wanted')) } as TaskRun
  await expect(runInProcess(task, { command: { argv: ['/nowhere/node'] }, module: null, limits: { heapMb: 64, residentMb: 64 } })).rejects.toThrow('not wanted')
})
