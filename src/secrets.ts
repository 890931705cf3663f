/** One secret for the installation; what signs and hashes is derived from it, one key a purpose (HKDF, RFC 5869). */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export type Purpose =
  | 'access-token'
  | 'refresh-token'
  | 'producer-token'
  | 'stream-ticket'
  | 'login-failure'
  | 'provider-key'
  | 'webhook-secret'
  | 'audit-chain'

const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16

export interface Secrets {
  /** Tells two secrets apart without telling them. */
  readonly fingerprint: string
  key(purpose: Purpose): Uint8Array
  /** HMAC-SHA-256 of the parts, base64url. */
  mac(purpose: Purpose, ...parts: string[]): string
  /** Whether `mac` is that of the parts, in constant time. */
  verify(purpose: Purpose, mac: string, ...parts: string[]): boolean
  /** Encrypts (AES-256-GCM) what must be read again. `context` is where it is kept, as the row's id: sealed for one place, it opens at no other. */
  seal(purpose: Purpose, text: string, context: string): Uint8Array<ArrayBuffer>
  /** Throws where it was sealed with another secret, for another purpose or place, or was changed. */
  unseal(purpose: Purpose, sealed: Uint8Array, context: string): string
}

export function secretsFrom(secret: string): Secrets {
  const derive = (label: string) => new Uint8Array(hkdfSync('sha256', secret, 'holdfast', label, 32))
  const keys = new Map<Purpose, Uint8Array>()
  const key = (purpose: Purpose) => {
    const known = keys.get(purpose) ?? derive(purpose)
    keys.set(purpose, known)
    return known
  }
  const mac = (purpose: Purpose, ...parts: string[]) => createHmac('sha256', key(purpose)).update(parts.join('\u0000')).digest('base64url')
  return {
    fingerprint: Buffer.from(derive('fingerprint')).toString('base64url').slice(0, 22),
    key,
    mac,
    verify: (purpose, given, ...parts) => {
      const [a, b] = [Buffer.from(mac(purpose, ...parts)), Buffer.from(given)]
      return a.length === b.length && timingSafeEqual(a, b)
    },
    seal: (purpose, text, context) => {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv(CIPHER, key(purpose), iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return new Uint8Array(Buffer.concat([iv, cipher.getAuthTag(), body]))
    },
    unseal: (purpose, sealed, context) => {
      const bytes = Buffer.from(sealed)
      const [iv, tag, body] = [bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES), bytes.subarray(IV_BYTES + TAG_BYTES)]
      const decipher = createDecipheriv(CIPHER, key(purpose), iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context)).setAuthTag(tag)
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
    },
  }
}

/** The given secret, or the one kept in the data folder; made there on first start, readable by its owner alone. */
export function openSecrets(options: { given?: string | undefined; folder: string }): Secrets {
  if (options.given) return secretsFrom(options.given)
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  const file = path.join(options.folder, 'secret')
  const read = () => readFileSync(file, 'utf8').trim()
  try {
    return secretsFrom(read())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Written whole under another name and linked into place: of two servers that start at once, one makes the secret and both read it.
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${randomBytes(48).toString('base64url')}\n`, { mode: 0o600 })
  try {
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  chmodSync(file, 0o600)
  return secretsFrom(read())
}

/** For random tokens that are looked up: they have enough entropy for a plain digest. */
export const digest = (token: string): string => createHash('sha256').update(token).digest('base64url')

export const randomToken = (): string => randomBytes(32).toString('base64url')
