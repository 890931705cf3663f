/**
 * Which addresses a provider may be reached at that was set up over the API: else whoever may set one up could have the server ask
 * what only the server can reach (its own machine, the network around it, the cloud's metadata).
 *
 * Looked at is the address that is connected to, at each connection: a name that means another address the second time is of no use.
 */
import { lookup } from 'node:dns'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Agent, buildConnector } from 'undici'
import { hostAllowed } from './hosts.ts'

export interface AddressRules {
  /** What the operator allows though it is private, as `http.request` has its hosts. */
  privateHosts: readonly string[]
  /** Whether this machine itself may be reached. */
  loopback: boolean
}

/** A public address by its number, which Azure serves its machines' metadata at. */
const AZURE_METADATA = '168.63.129.16'
/** Longer than any model takes before its first word, or between two. */
const SILENCE_MS = 10 * 60_000
const CONNECT_MS = 10_000

export class AddressRefused extends Error {
  constructor(host: string) {
    super(`${host.slice(0, 200)} is a private address; the operator can allow it with PROVIDER_PRIVATE_HOSTS`)
    this.name = 'AddressRefused'
  }
}

/** Whether everybody can reach it: neither private nor this machine, link-local, multicast, reserved, nor one of these within IPv6. */
export function isPublicAddress(address: string): boolean {
  const parsed = ipaddr.process(address)
  // All that is given out of IPv6; the rest is private, reserved, or IPv4 by another name.
  if (parsed.kind() === 'ipv6' && !parsed.match(ipaddr.parse('2000::'), 3)) return false
  return parsed.range() === 'unicast' && parsed.toString() !== AZURE_METADATA
}

/** Whether `url` may be connected to at `address`. */
export function mayConnect(rules: AddressRules, url: URL, address: string): boolean {
  if (isPublicAddress(address) || hostAllowed(url, rules.privateHosts)) return true
  return rules.loopback && ipaddr.process(address).range() === 'loopback'
}

/** Whether a URL names a refused address by itself; what a name stands for is seen at the connection. */
export function namesRefusedAddress(rules: AddressRules, url: URL): boolean {
  const host = bare(url.hostname)
  return isIP(host) !== 0 && !mayConnect(rules, url, host)
}

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')
const patience = { headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS }

/** For what the operator has set up: any address. */
export const openAgent = (): Agent => new Agent({ ...patience, connect: { timeout: CONNECT_MS } })

/** For what was set up over the API: connects to no address that the rules refuse. */
export const guardedAgent = (rules: AddressRules): Agent =>
  new Agent({
    ...patience,
    connect(options, callback) {
      const { protocol, hostname, port } = options
      const url = new URL(`${protocol}//${hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname}${port ? `:${port}` : ''}`)
      // An address needs no looking up, so that `lookup` would not be asked.
      if (namesRefusedAddress(rules, url)) return callback(new AddressRefused(url.host), null)
      const connect = buildConnector({
        timeout: CONNECT_MS,
        lookup: (name, { all, ...how }, found) =>
          lookup(name, { ...how, all: true }, (error, addresses) => {
            if (error) return found(error, '', 0)
            const allowed = addresses.filter(({ address }) => mayConnect(rules, url, address))
            if (!allowed.length) return found(new AddressRefused(`${url.host} (${addresses[0]?.address})`), '', 0)
            if (all) return found(null, allowed)
            found(null, allowed[0]!.address, allowed[0]!.family)
          }),
      })
      connect(options, callback)
    },
  })
