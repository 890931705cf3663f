/** Which pages may call the API: those of the configured origins, and the server's own. Never with cookies: there are none. */
import type { Config } from '../config.ts'

type Settings = Pick<Config, 'CORS_ORIGINS'>

const ALLOWED_HEADERS = 'authorization, content-type, last-event-id, x-holdfast-cost, x-request-id'

const isListed = ({ CORS_ORIGINS }: Settings, origin: string) => CORS_ORIGINS.includes(origin) || CORS_ORIGINS.includes('*')

export function corsHeaders(config: Settings, origin: string | undefined): Record<string, string> {
  if (config.CORS_ORIGINS.length === 0) return {}
  if (!origin || !isListed(config, origin)) return { vary: 'Origin' }
  return { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': 'retry-after, x-request-id' }
}

/** The answer to a browser that asks before it sends. */
export const preflightHeaders = (config: Settings, origin: string | undefined): Record<string, string> => ({
  allow: 'GET, POST, OPTIONS',
  ...(origin && isListed(config, origin)
    ? { 'access-control-allow-methods': 'GET, POST', 'access-control-allow-headers': ALLOWED_HEADERS, 'access-control-max-age': '600' }
    : {}),
})

/** Whether a page of this origin may open a socket. Browsers do not ask before they open one, so this is asked here. */
export function mayConnect(config: Settings, origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined || isListed(config, origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host
}
