/** A webhook is delivered by a task, so that it is tried again, and shown, like all other work. */
import { z } from 'zod'
import { idOf, toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import { taskCreate } from '../tasks/task-create.ts'
import { type TaskType, TaskTypes } from '../tasks/task-type.ts'

export const webhookParams = z.strictObject({
  alertId: z
    .string()
    .max(100)
    .refine((given) => given.startsWith('CostAlert:') && idOf('CostAlert', given) !== null, 'Is not the id of a cost alert')
    .describe('Which alert to tell of, `CostAlert:<uuid>`. It is told to the address of its budget.'),
})

export type WebhookParams = z.infer<typeof webhookParams>

/** All of the type but its function, which is the server's. */
export const WEBHOOK_TYPE = {
  name: 'webhook.deliver',
  description: 'Tells the webhook of a budget of a cost alert, in a signed body. Tried again for about an hour where nobody answers.',
  params: webhookParams,
  maxAttempts: 12,
  timeoutSeconds: 60,
  retryPolicy: { initialSeconds: 2, factor: 2, maxSeconds: 600 },
  needsDatabase: true,
} as const satisfies Omit<TaskType<WebhookParams>, 'run'>

const types = new TaskTypes()
types.register({ ...WEBHOOK_TYPE, run: () => Promise.reject(new Error('Here it is only made.')) })

/** Makes the task in the place of the budget's owner. */
export async function webhookOrder(work: Work, ownerId: string, alertId: string): Promise<void> {
  const params: WebhookParams = { alertId: toGlobalId('CostAlert', alertId) }
  await taskCreate(await inPlaceOf(work, ownerId), types, { type: WEBHOOK_TYPE.name, params, description: 'Tells a webhook of a cost alert.' })
}
