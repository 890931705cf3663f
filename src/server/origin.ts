/** Where a request comes from. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { Origin } from '../graphql/context.ts'

const REQUEST_ID = /^[\w.:-]{1,128}$/

/** The id that the request came with, if it can stand in a log; else a new one. */
export const requestIdOf = (given: string | string[] | null | undefined): string => (typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID())

/**
 * The client's address. Each proxy appends to `X-Forwarded-For` whom it was called by, so of `hops` trusted proxies the
 * entry that the outermost wrote is the one that counts; all before it may be invented.
 */
export function addressOf(remote: string | undefined, forwarded: string | string[] | null | undefined, hops: number): string {
  const own = plain(remote ?? '') || 'unknown'
  if (hops === 0 || !forwarded) return own
  const chain = String(forwarded)
    .split(',')
    .map((entry) => plain(entry))
  return chain[Math.max(0, chain.length - hops)] || own
}

/** An address without port and brackets, IPv4 as such; empty where it is none. */
function plain(entry: string): string {
  const text = entry.trim().replace(/^\[([^\]]+)\](:\d+)?$/, '$1')
  const address = (/^\d+\.\d+\.\d+\.\d+:\d+$/.test(text) ? text.slice(0, text.lastIndexOf(':')) : text).replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(address) ? address : ''
}

const MAX_USER_AGENT = 300

export interface Arrival {
  requestId: string
  remote: string | undefined
  forwarded: string | string[] | null | undefined
  userAgent: string | null | undefined
}

export const originOf = ({ requestId, remote, forwarded, userAgent }: Arrival, hops: number): Origin => ({
  requestId,
  address: addressOf(remote, forwarded, hops),
  userAgent: userAgent?.slice(0, MAX_USER_AGENT) ?? null,
})

/** The same of a request of Node's. */
export const originOfRequest = ({ headers, socket }: IncomingMessage, requestId: string, hops: number): Origin =>
  originOf({ requestId, remote: socket.remoteAddress, forwarded: headers['x-forwarded-for'], userAgent: headers['user-agent'] }, hops)
