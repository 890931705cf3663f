/** What programs elsewhere say of many tasks in one call. */
import { z } from 'zod'
import { toDate } from '../core/clock.ts'
import { idOf, toGlobalId } from '../core/ids.ts'
import { idempotencyKey } from '../core/input.ts'
import { builder } from '../graphql/builder.ts'
import { mutation } from '../graphql/mutation.ts'
import { TaskRef } from './task.graphql.ts'
import type { Heartbeat } from './task-heartbeat.ts'
import { TaskRefusal, type ToldRefusal } from './task-refusal.graphql.ts'
import { TaskStopReason } from './tasks-work.graphql.ts'
import { type Refusal, tasksFinish, tasksHeartbeat } from './tasks-work-many.ts'
import { leaseFields, leaseRules, MAX_AT_ONCE, outcomeFields, outcomeRules, reportFields, reportRules } from './work-inputs.graphql.ts'

const toTold = ({ index, id, error: { code, message } }: Refusal, list: string): ToldRefusal => ({
  index,
  id: toGlobalId('Task', id),
  code,
  message,
  path: ['input', list, String(index), code === 'NOT_FOUND' ? 'id' : 'leaseToken'],
})

const listOf = <T extends z.ZodType>(item: T) => z.array(item).min(1, 'Must not be empty').max(MAX_AT_ONCE, `Must have at most ${MAX_AT_ONCE} entries`)

const TaskBeatInput = builder.inputType('TaskBeatInput', {
  description: 'What is new about one task.',
  fields: (t) => ({ ...leaseFields(t), ...reportFields(t) }),
})

const TaskBeat = builder.objectRef<Heartbeat>('TaskBeat').implement({
  description: 'How it stands with a task whose lease was renewed.',
  fields: (t) => ({
    id: t.id({ description: 'The task’s id.', resolve: (beat) => toGlobalId('Task', beat.task.id) }),
    cancelRequested: t.boolean({ description: 'Whether you shall stop; `reason` says why.', resolve: (beat) => beat.stop !== null }),
    reason: t.field({ type: TaskStopReason, nullable: true, description: 'Why you shall stop; null: go on.', resolve: (beat) => beat.stop }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      description: 'When the task is given to another, unless a further heartbeat came before.',
      resolve: (beat) => toDate(beat.leaseExpiresAtMs),
    }),
  }),
})

mutation('taskHeartbeatMany', {
  description:
    'Says of many tasks that you live and how far you are, as `taskHeartbeat` does of one. Those that are refused are told, and the others are renewed.',
  rights: 'TASKS_WORK',
  inputDescription: 'Which tasks, and what is new.',
  input: (t) => ({ heartbeats: t.field({ type: [TaskBeatInput], required: true, description: `1 to ${MAX_AT_ONCE}.` }) }),
  validate: z.object({ heartbeats: listOf(z.object({ ...leaseRules, ...reportRules })) }),
  run: ({ heartbeats }, ctx) => {
    const beats = heartbeats.map(({ id, leaseToken, ...report }, index) => ({ id: innerId(id, 'heartbeats', index), leaseToken, report }))
    return ctx.transact((work) => tasksHeartbeat(work, beats))
  },
  payload: (t) => ({
    heartbeats: t.field({
      type: [TaskBeat],
      description: 'Those that were renewed, in the order they were sent.',
      resolve: (payload) => payload.made?.done ?? [],
    }),
    refused: t.field({
      type: [TaskRefusal],
      description: 'Those that were not: you do not hold them, or not any more.',
      resolve: (payload) => (payload.made?.refused ?? []).map((refusal) => toTold(refusal, 'heartbeats')),
    }),
  }),
})

const TaskCompletionInput = builder.inputType('TaskCompletionInput', {
  description: 'What came of one task.',
  fields: (t) => ({ ...leaseFields(t), ...outcomeFields(t) }),
})

/** What is remembered under an idempotency key. */
type Finished = { taskIds: string[]; refused: string }

mutation('taskCompleteMany', {
  description: 'Ends many tasks well, as `taskComplete` does one. Those that are refused are told, and the others are COMPLETED.',
  rights: 'TASKS_WORK',
  inputDescription: 'Which tasks, and what came of them.',
  input: (t) => ({
    completions: t.field({ type: [TaskCompletionInput], required: true, description: `1 to ${MAX_AT_ONCE}.` }),
    idempotencyKey: t.string({
      description: 'The same key with the same input does it once, and answers the same when it is sent again; at most 200 characters.',
    }),
  }),
  validate: z.object({ completions: listOf(z.object({ ...leaseRules, ...outcomeRules })), idempotencyKey }),
  run: (input, ctx) => {
    const completions = input.completions.map(({ id, leaseToken, ...outcome }, index) => ({ id: innerId(id, 'completions', index), leaseToken, outcome }))
    return ctx.once({ mutation: 'taskCompleteMany', key: input.idempotencyKey, input }, async (work): Promise<Finished> => {
      const { done, refused } = await tasksFinish(work, completions)
      return { taskIds: done, refused: JSON.stringify(refused.map((refusal) => toTold(refusal, 'completions'))) }
    })
  },
  payload: (t) => ({
    tasks: t.prismaField({
      type: [TaskRef],
      description: 'Those that are COMPLETED now.',
      resolve: (query, payload, _args, ctx) => ctx.db.task.findMany({ ...query, where: { id: { in: payload.made?.taskIds ?? [] } }, orderBy: { id: 'asc' } }),
    }),
    refused: t.field({
      type: [TaskRefusal],
      description: 'Those that are not: you do not hold them, or not any more.',
      resolve: (payload) => (payload.made ? (JSON.parse(payload.made.refused) as ToldRefusal[]) : []),
    }),
  }),
})

const innerId = (globalId: string, list: string, index: number): string => idOf('Task', globalId, ['input', list, String(index), 'id']) ?? ''
