/** What a program elsewhere sends, as tests send it. */
import type { TestUser, World } from '../../kit/world.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

const ERRORS = 'userErrors { code path message }'
const TASK = 'task { id type params status attempt worker progress progressMessage summary result error agentsInvolved maxAttempts leaseExpiresAt }'
const mutationOf = (name: string, fields: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} ${ERRORS} } }`

export const REGISTER = mutationOf(
  'taskTypeRegister',
  'taskType { name description paramsSchema isBuiltIn audience hasWorker lastClaimedAt registeredAt maxAttempts timeoutSeconds retryPolicy rateLimit rateSeconds owner { id } }',
)
export const REMOVE = mutationOf('taskTypeRemove', 'removedName')
export const CLAIM = mutationOf('taskClaim', `claims { leaseToken leaseExpiresAt ${TASK} }`)
export const BEAT = mutationOf('taskHeartbeat', `cancelRequested reason leaseExpiresAt ${TASK}`)
export const COMPLETE = mutationOf('taskComplete', TASK)
export const FAIL = mutationOf('taskFail', TASK)
export const RELEASE = mutationOf('taskRelease', TASK)
export const CHILD = mutationOf('taskChildCreate', TASK)
export const WAIT = mutationOf('taskWait', TASK)
export const BEAT_MANY = mutationOf('taskHeartbeatMany', `heartbeats { id cancelRequested reason leaseExpiresAt } refused { index id ${ERRORS} }`)
export const COMPLETE_MANY = mutationOf('taskCompleteMany', `tasks { id status result } refused { index id ${ERRORS} }`)

/** An API key of a user, as a worker has one. */
export async function keyOf(world: World, user: TestUser, scopes: string[] = ['TASKS_WORK']): Promise<string> {
  const payload = await world.does(
    'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code message } } }',
    { input: { name: 'worker', scopes } },
    user,
  )
  return payload.secret
}

export interface Claim {
  leaseToken: string
  leaseExpiresAt: string
  task: Data
}

export async function claim(world: World, key: string | TestUser, input: { types: string[]; [field: string]: unknown }): Promise<Claim[]> {
  return (await world.does(CLAIM, { input }, key)).claims
}

/** One task, that must be there. */
export async function claimOne(world: World, key: string | TestUser, type: string, input: object = {}): Promise<Claim> {
  const [first] = await claim(world, key, { types: [type], waitSeconds: 20, ...input })
  if (!first) throw new Error('There was nothing to claim.')
  return first
}

export const lease = ({ task, leaseToken }: Claim) => ({ id: task.id as string, leaseToken })
