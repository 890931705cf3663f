/** What an API key is made of. Its secret has the entropy of a key, so a plain digest keeps it as safe as a slow hash would. */
import { digest, randomToken } from '../secrets.ts'

export const API_KEY_PREFIX = 'hf_'
/** How much of the secret is shown for good, to recognise the key by. */
const SHOWN = 10

export const newApiKeySecret = (): string => `${API_KEY_PREFIX}${randomToken()}`
export const apiKeyHash = (secret: string): string => digest(secret)
export const apiKeyShown = (secret: string): string => secret.slice(0, SHOWN)
