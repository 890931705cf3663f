/**
 * A program as they begin: its jobs are in a dictionary. Stop it, and they are gone. `dictionary.ts` is the same program with
 * another dictionary.
 *
 *   node --import tsx examples/dictionary-before.ts        (settings: STEP_MS)
 */
import { setTimeout as sleep } from 'node:timers/promises'

interface Job {
  status: 'running' | 'done'
  step: number
  text: string
}

const TASKS = new Map<string, Job>()

const STEPS = 5
const { STEP_MS = '50' } = process.env

/** A job's steps, from the one that it has come to. */
async function work(id: string, job: Job): Promise<void> {
  if (job.step > 0) console.log(`${id} goes on behind step ${job.step}`)
  let now = job
  while (now.step < STEPS) {
    await sleep(Number(STEP_MS))
    const step = now.step + 1
    now = { ...now, step, text: `${now.text}[${id} ${step}]` }
    await TASKS.set(id, now)
    console.log(`${id}: step ${step} of ${STEPS}`)
  }
  await TASKS.set(id, { ...now, status: 'done' })
}

for (const id of ['report-1', 'report-2', 'report-3']) if (!(await TASKS.has(id))) await TASKS.set(id, { status: 'running', step: 0, text: '' })
console.log(`There are ${await TASKS.size} jobs.`)

for await (const [id, job] of TASKS) if (job.status !== 'done') await work(id, job)

for await (const [id, { text }] of TASKS) {
  console.log(`${id} is done: ${text}`)
  await TASKS.delete(id)
}
console.log(`There are ${await TASKS.size} jobs.`)
