/** What an API key may do: a pair for each room. A session has them all. */
export const API_SCOPES = {
  ACCOUNT_READ: 'Read the own user, sessions and API keys.',
  ACCOUNT_WRITE: 'Change the own user, sessions and API keys.',
  EVENTS_READ: 'Read and follow the log of changes.',
  TASKS_READ: 'Read and follow tasks, and the schedules that make them.',
  TASKS_WRITE: 'Create, change, run, cancel and delete tasks, and the schedules that make them.',
  TASKS_WORK: 'Work on tasks as an outside worker.',
  STREAMS_READ: 'Read and follow streams.',
  STREAMS_WRITE: 'Start, produce and cancel streams.',
  CONVERSATIONS_READ: 'Read and follow conversations.',
  CONVERSATIONS_WRITE: 'Create, change and delete conversations, and send messages.',
  PROVIDERS_READ: 'Read model providers and models.',
  PROVIDERS_WRITE: 'Set up, test and remove model providers, and set prices; for ADMINs.',
  FIGURES_READ: 'Read how often what was done and how long it took; an ADMIN’s key also `/metrics`.',
  FACTS_READ: 'Read, search and follow facts.',
  FACTS_WRITE: 'Create, change and delete facts.',
  USAGE_READ: 'Read usage, costs and budgets.',
  USAGE_WRITE: 'Create, change and delete budgets.',
  AUDIT_READ: 'Read, check and export the trail of who did what.',
  AUDIT_WRITE: 'Remove personal data from the trail.',
  SEARCH_READ: 'Read, search and follow collections and their documents.',
  SEARCH_WRITE: 'Create, change, fill and delete collections.',
} as const

export type ApiScope = keyof typeof API_SCOPES
export const apiScopes = Object.keys(API_SCOPES) as ApiScope[]
