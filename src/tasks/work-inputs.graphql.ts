/** What workers elsewhere send: the fields, and their limits. */
import type { InputFieldMap } from '@pothos/core'
import { z } from 'zod'
import { given, id, json, jsonObject, name, optionalNumber, optionalText, text } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import type { InputBuilder } from '../graphql/mutation.ts'
import { TaskFileChangeEnum } from './task.graphql.ts'

const fields = <F extends InputFieldMap>(make: (t: InputBuilder) => F) => make

const MAX_RESULT_BYTES = 1_000_000
const MAX_METRICS_BYTES = 20_000
const MAX_FILES = 1000
const MAX_AGENTS = 100
export const MAX_AT_ONCE = 100

export const leaseFields = fields((t) => ({
  id: t.id({ required: true, description: 'The task’s id.' }),
  leaseToken: t.string({ required: true, description: 'From `taskClaim`: proves that you hold this attempt.' }),
}))

export const leaseRules = { id, leaseToken: text(1, 200) }

export const reportFields = fields((t) => ({
  progress: t.float({ description: 'How far it is, 0 to 1.' }),
  progressMessage: t.string({ description: 'What it is doing now; at most 1,000 characters.' }),
  agentsInvolved: t.stringList({ description: `Names of the agents that took part, all of them; at most ${MAX_AGENTS}.` }),
  metrics: t.field({ type: 'JSON', description: 'Figures that the work tells of itself, all of them, as an object; at most 20 kB.' }),
}))

const agentsInvolved = given(z.array(name(200)).max(MAX_AGENTS, `Must have at most ${MAX_AGENTS} names`))
const metrics = jsonObject(MAX_METRICS_BYTES).transform((value) => (value ?? undefined) as Record<string, unknown> | undefined)

export const reportRules = { progress: optionalNumber(0, 1), progressMessage: optionalText(1000), agentsInvolved, metrics }

const TaskFileInput = builder.inputType('TaskFileInput', {
  description: 'A file that a task touched.',
  fields: (t) => ({
    path: t.string({ required: true, description: 'Where it is; at most 1,000 characters.' }),
    change: t.field({ type: TaskFileChangeEnum, required: true, description: 'What was done to it.' }),
  }),
})

export const outcomeFields = fields((t) => ({
  result: t.field({ type: 'JSON', description: 'What came of it; at most 1 MB.' }),
  summary: t.string({ description: 'The same in words; at most 10,000 characters.' }),
  agentsInvolved: t.stringList({ description: `Names of the agents that took part, all of them; at most ${MAX_AGENTS}. Left out: as told before.` }),
  metrics: t.field({ type: 'JSON', description: 'Figures that the work tells of itself, as an object; at most 20 kB. Left out: as told before.' }),
  files: t.field({ type: [TaskFileInput], description: `The files it touched; at most ${MAX_FILES.toLocaleString('en')}.` }),
}))

export const outcomeRules = {
  result: json(MAX_RESULT_BYTES),
  summary: optionalText(10_000),
  agentsInvolved,
  metrics,
  files: given(
    z
      .array(z.object({ path: name(1000), change: z.enum(['CREATED', 'MODIFIED', 'DELETED', 'READ']) }))
      .max(MAX_FILES, `Must have at most ${MAX_FILES} entries`),
  ),
}
