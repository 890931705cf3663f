/**
 * The program of `dictionary-before.ts`, moved over by the line that declares its dictionary. Stop it in the middle, also with `kill -9`, stop
 * the server too, start it again: it goes on where it was. And `for await (const change of TASKS.watch())`, in this or any other
 * program, tells each change as it comes.
 *
 *   HOLDFAST_API_KEY=hf_… node --import tsx examples/dictionary.ts        (settings: HOLDFAST_URL, HOLDFAST_API_KEY, STEP_MS)
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { holdfast } from './holdfast.ts'

interface Job {
  status: 'running' | 'done'
  step: number
  text: string
}

const TASKS = holdfast.dictionary<Job>('jobs')

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
