/** What an API key may do: a pair for each room. A session has them all. */
export const API_SCOPES = {
  ACCOUNT_READ: 'Read the own user, sessions and API keys.',
  ACCOUNT_WRITE: 'Change the own user, sessions and API keys.',
  EVENTS_READ: 'Read and follow the log of changes.',
  TASKS_READ: 'Read and follow tasks.',
  TASKS_WRITE: 'Create, change, run, cancel and delete tasks.',
  TASKS_WORK: 'Work on tasks as an outside worker.',
  STREAMS_READ: 'Read and follow streams.',
  STREAMS_WRITE: 'Start, produce and cancel streams.',
} as const

export type ApiScope = keyof typeof API_SCOPES
export const apiScopes = Object.keys(API_SCOPES) as ApiScope[]
