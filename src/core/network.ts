/** Whom an address stands for. */
import { isIPv6 } from 'node:net'

/** Whoever has one IPv6 address has the 2^64 of its network: that network. Whatever else it is, as it is. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head, tail] = address.split('::')
  const groups = head!.split(':').filter(Boolean)
  if (tail !== undefined) while (groups.length + tail.split(':').filter(Boolean).length < 8) groups.push('0')
  return groups.slice(0, 4).join(':')
}
