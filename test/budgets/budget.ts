/** What the tests of budgets ask again and again. */
import type { TestUser, World } from '../kit/world.ts'

export const BUDGET = `id name scope user { id } taskType conversation { id } period amountMicroUsd alertThresholds webhookUrl enabled
  spentMicroUsd reservedMicroUsd remainingMicroUsd periodStart periodEnd owner { id } createdAt updatedAt`

const mutationOf = (name: string, fields = `budget { ${BUDGET} }`) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} eventCursor userErrors { code message path } } }`

export const CREATE = mutationOf('budgetCreate')
export const UPDATE = mutationOf('budgetUpdate')
export const DELETE = mutationOf('budgetDelete', 'deletedId')
export const READ = `query ($id: ID!) { budget(id: $id) { ${BUDGET} } }`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

let named = 0

/** Of one's own spending in all, unless it says otherwise. */
export const inputOf = (over: object = {}): object => ({ name: `budget ${++named}`, scope: 'USER', period: 'TOTAL', amountMicroUsd: 1000, ...over })

export const create = async (world: World, user: TestUser, over: object = {}): Promise<Data> =>
  (await world.does(CREATE, { input: inputOf(over) }, user)).budget

export const read = async (world: World, user: TestUser, id: string): Promise<Data> => (await world.ask(READ, { id }, user)).data.budget

/** Everything that a refused mutation must leave as it is. */
export async function stateOf({ client }: World): Promise<object> {
  return {
    budgets: await client.budget.findMany({ orderBy: { id: 'asc' } }),
    periods: await client.budgetSpent.findMany({ orderBy: [{ budgetId: 'asc' }, { periodStartMs: 'asc' }] }),
    alerts: await client.costAlert.count(),
    events: await client.event.count(),
  }
}
