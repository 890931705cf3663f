/** `example.com` means that host on its usual ports, `*.example.com` those below it, `host:port` just that port. */
export function hostAllowed(url: URL, allowed: readonly string[]): boolean {
  return allowed.some((entry) => {
    const pattern = entry.toLowerCase()
    if (pattern.startsWith('*.')) return url.port === '' && url.hostname.endsWith(pattern.slice(1)) && url.hostname.length > pattern.length - 1
    return pattern === url.host
  })
}
