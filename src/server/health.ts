/** Whether the process runs, and whether it is ready to serve. */
import type { App } from '../graphql/context.ts'

export type Phase = 'starting' | 'serving' | 'stopping'

export interface Health {
  status: 200 | 503
  body: { status: 'ok' | 'unavailable'; part?: 'server' | 'database'; reason?: string }
}

export const live: Health = { status: 200, body: { status: 'ok' } }

const unavailable = (part: 'server' | 'database', reason: string): Health => ({ status: 503, body: { status: 'unavailable', part, reason } })

export async function ready(app: App, phase: Phase): Promise<Health> {
  if (phase !== 'serving') return unavailable('server', phase)
  try {
    await app.store.database.ready()
    return live
  } catch (error) {
    app.log.warn({ err: error }, 'The database does not answer')
    return unavailable('database', 'does not answer')
  }
}
